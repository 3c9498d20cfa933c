package trend

import (
	"math"
	"slices"
)

// Prior says what is known about the level of a series before it begins anew,
// and how a level explains a value: [GammaPoisson] for counts, [StudentT] for
// measures.
type Prior interface {
	// learn returns what is known after x.
	learn(x float64) Prior
	// logDensity is the log of the chance, or density, of x given what is known.
	logDensity(x float64) float64
	// takes says whether x can be a value of the series.
	takes(x float64) bool
}

// GammaPoisson is for counts whose mean is Gamma distributed: Shape events in
// Exposure steps. Both are above 0; 1 and 1 know very little.
type GammaPoisson struct{ Shape, Exposure float64 }

// StudentT is for measures whose mean and variance are unknown: a normal-gamma
// prior around Mean that counts for Weight values, its precision Gamma
// distributed with Shape and Rate. All but Mean are above 0.
type StudentT struct{ Mean, Weight, Shape, Rate float64 }

var (
	_ Prior = GammaPoisson{}
	_ Prior = StudentT{}
)

func (g GammaPoisson) learn(x float64) Prior {
	return GammaPoisson{Shape: g.Shape + x, Exposure: g.Exposure + 1}
}

// logDensity is negative binomial, of size Shape and p = Exposure/(Exposure+1).
func (g GammaPoisson) logDensity(x float64) float64 {
	return logGamma(g.Shape+x) - logGamma(g.Shape) - logGamma(x+1) -
		g.Shape*math.Log1p(1/g.Exposure) - x*math.Log1p(g.Exposure)
}

func (g GammaPoisson) takes(x float64) bool { return x >= 0 && !math.IsInf(x, 0) }

func (s StudentT) learn(x float64) Prior {
	d := x - s.Mean
	return StudentT{
		Mean:   (s.Weight*s.Mean + x) / (s.Weight + 1),
		Weight: s.Weight + 1,
		Shape:  s.Shape + 0.5,
		Rate:   s.Rate + s.Weight*d*d/(2*(s.Weight+1)),
	}
}

func (s StudentT) logDensity(x float64) float64 {
	freedom := 2 * s.Shape
	scale := s.Rate * (s.Weight + 1) / (s.Shape * s.Weight)
	d := x - s.Mean
	return logGamma((freedom+1)/2) - logGamma(freedom/2) -
		0.5*math.Log(freedom*math.Pi*scale) - (freedom+1)/2*math.Log1p(d*d/(freedom*scale))
}

func (s StudentT) takes(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// logGamma is ln Γ of a positive number.
func logGamma(x float64) float64 {
	v, _ := math.Lgamma(x)
	return v
}

// RunOptions say how [RunLengths] thinks of changes. The zero value works.
type RunOptions struct {
	Between float64 // expected number of steps from one change to the next, above 1; 0 means 250

	// Prune is the chance below which a run length is forgotten; 0 means 1e-6,
	// negative means none. At 1e-4 the runs that a change begins with are often
	// gone before it shows: AtMost was up to 0.5 off in simulated counts, at
	// 1e-6 less than 0.04.
	Prune float64
}

// RunLengths holds, step by step, how likely it is that the level of a series
// has lasted for how many steps: Bayesian online change point detection (Adams
// and MacKay 2007) with a constant hazard. It is not safe for concurrent use.
//
// How likely a run length of 0 is says nothing: it is the hazard, always. Watch
// [RunLengths.AtMost] of a few steps, or [RunLengths.MostLikely] falling.
//
// A step costs time and memory in the number of run lengths that are kept, about
// a hundred: for a few hundred series of a district, not for every cell.
type RunLengths struct {
	prior  Prior
	hazard float64
	prune  float64
	runs   []run // in ascending order of length
}

type run struct {
	length int
	chance float64
	known  Prior // after the values of the run
}

// NewRunLengths makes one for a series that begins now.
func NewRunLengths(prior Prior, opts RunOptions) *RunLengths {
	if opts.Between == 0 {
		opts.Between = 250
	}
	if opts.Prune == 0 {
		opts.Prune = 1e-6
	}
	return &RunLengths{
		prior:  prior,
		hazard: 1 / opts.Between,
		prune:  opts.Prune,
		runs:   []run{{chance: 1, known: prior}},
	}
}

// Add takes in the next value. A missing or infinite one, or a negative count,
// is as if there had been no step.
func (r *RunLengths) Add(x float64) {
	if !r.prior.takes(x) {
		return
	}
	// Chances are compared with the largest: far from all that is known, each
	// for itself would be 0.
	largest := math.Inf(-1)
	logs := make([]float64, len(r.runs))
	for i, old := range r.runs {
		logs[i] = math.Log(old.chance) + old.known.logDensity(x)
		largest = max(largest, logs[i])
	}
	grown := make([]run, 1, len(r.runs)+1)
	var total float64
	for i, old := range r.runs {
		chance := math.Exp(logs[i] - largest)
		total += chance
		grown = append(grown, run{length: old.length + 1, chance: chance * (1 - r.hazard), known: old.known.learn(x)})
	}
	grown[0] = run{chance: total * r.hazard, known: r.prior}
	r.runs = grown
	r.normalise(total)
}

// normalise makes the chances sum to 1, and forgets what is too unlikely.
func (r *RunLengths) normalise(total float64) {
	var kept float64
	for i := range r.runs {
		r.runs[i].chance /= total
	}
	r.runs = slices.DeleteFunc(r.runs, func(a run) bool { return a.length > 0 && a.chance < r.prune })
	for _, a := range r.runs {
		kept += a.chance
	}
	for i := range r.runs {
		r.runs[i].chance /= kept
	}
}

// MostLikely is the likeliest number of steps that the level has lasted for.
func (r *RunLengths) MostLikely() int {
	best := r.runs[0]
	for _, a := range r.runs {
		if a.chance > best.chance {
			best = a
		}
	}
	return best.length
}

// AtMost is the chance that the level has lasted for no more than steps. It is 1
// while the series itself has not.
func (r *RunLengths) AtMost(steps int) (chance float64) {
	for _, a := range r.runs {
		if a.length <= steps {
			chance += a.chance
		}
	}
	return min(1, chance)
}

// Chance is that of a level which has lasted for exactly that many steps.
func (r *RunLengths) Chance(steps int) float64 {
	for _, a := range r.runs {
		if a.length == steps {
			return a.chance
		}
	}
	return 0
}

// Kept is the number of run lengths that are not forgotten.
func (r *RunLengths) Kept() int { return len(r.runs) }
