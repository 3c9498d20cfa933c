package count

import (
	"errors"
	"math"
)

// The start and the stopping rule of R's glm, so that figures can be compared with
// it to the last digit: the fit ends when the deviance changes by less than this
// share, and has failed after so many steps.
const (
	devianceSettled = 1e-8
	maxSteps        = 25
)

var (
	errNoFit     = errors.New("the model does not converge")
	errDependent = errors.New("the columns of the model depend on each other")
)

// regression is a Poisson regression with log link, fitted by iteratively
// re-weighted least squares.
type regression struct {
	coef     []float64
	means    []float64 // fitted, one for each row
	prior    []float64 // the weights that were asked for
	working  []float64 // prior·mean of the last step; like R, dispersion and errors use these
	residual []float64 // working residuals, (y − mean)/mean
	design   [][]float64
	tri      triangle
}

// regress fits y, none negative, on the columns of design with prior weights. It
// keeps design and prior.
func regress(design [][]float64, y, prior []float64) (*regression, error) {
	n := len(y)
	r := &regression{
		means: make([]float64, n), prior: prior, working: make([]float64, n),
		residual: make([]float64, n), design: design,
	}
	eta := make([]float64, n)
	for i, v := range y {
		r.means[i] = v + 0.1
		eta[i] = math.Log(r.means[i])
	}
	before := r.deviance(y)
	for range maxSteps {
		if err := r.step(y, eta); err != nil {
			return nil, err
		}
		now := r.deviance(y)
		if math.IsNaN(now) || math.IsInf(now, 0) {
			return nil, errNoFit
		}
		if math.Abs(now-before) < devianceSettled*(math.Abs(now)+0.1) {
			for i, v := range y {
				r.residual[i] = (v - r.means[i]) / r.means[i]
			}
			return r, nil
		}
		before = now
	}
	return nil, errNoFit
}

// step solves the weighted least squares of the linearised model and moves eta
// and the means to its solution.
func (r *regression) step(y, eta []float64) error {
	target := make([]float64, len(y))
	for i, v := range y {
		r.working[i] = r.prior[i] * r.means[i]
		target[i] = eta[i] + (v-r.means[i])/r.means[i]
	}
	var err error
	if r.coef, r.tri, err = leastSquares(r.design, r.working, target); err != nil {
		return err
	}
	for i := range eta {
		eta[i] = 0
		for j, c := range r.coef {
			eta[i] += c * r.design[j][i]
		}
		r.means[i] = math.Exp(eta[i])
	}
	return nil
}

func (r *regression) deviance(y []float64) float64 {
	var sum float64
	for i, v := range y {
		d := r.means[i] - v
		if v > 0 {
			d += v * math.Log(v/r.means[i])
		}
		sum += 2 * r.prior[i] * d
	}
	return sum
}

// dispersion is Pearson's estimate of the variance-to-mean ratio. It may be below 1.
func (r *regression) dispersion() float64 {
	return r.scale(r.working)
}

func (r *regression) scale(weights []float64) float64 {
	var sum float64
	for i, w := range weights {
		sum += w * r.residual[i] * r.residual[i]
	}
	return sum / float64(r.freedom())
}

// freedom is the number of residual degrees of freedom.
func (r *regression) freedom() int { return len(r.means) - len(r.coef) }

// leverage returns the diagonal of the hat matrix.
func (r *regression) leverage() []float64 {
	hat := make([]float64, len(r.means))
	row := make([]float64, len(r.coef))
	for i := range hat {
		for j := range row {
			row[j] = r.design[j][i]
		}
		hat[i] = r.working[i] * r.tri.quadratic(row)
	}
	return hat
}

// unscaled is the variance of coefficient j at a dispersion of 1.
func (r *regression) unscaled(j int) float64 {
	row := make([]float64, len(r.coef))
	row[j] = 1
	return r.tri.quadratic(row)
}
