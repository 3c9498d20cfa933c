package scan

import (
	"math"
	"math/rand/v2"
)

// byInversion is the mean below which a binomial is drawn by inversion.
const byInversion = 10

// binomial draws how many of n succeed when each does with probability p, by inversion
// where few do and else by Hörmann's transformed rejection (1993, "The generation of
// binomial random variates", algorithm BTRS). Both are exact to rounding. A p that
// rounding has brought above 1 is 1.
func binomial(n, p float64, r *rand.Rand) float64 {
	switch {
	case p >= 1:
		return n
	case p > 0.5:
		return n - binomial(n, 1-p, r)
	case n*p < byInversion:
		return invertBinomial(n, p, r)
	}
	return rejectBinomial(n, p, r)
}

func invertBinomial(n, p float64, r *rand.Rand) float64 {
	odds := p / (1 - p)
	chance := math.Exp(n * math.Log1p(-p))
	u := r.Float64()
	for x := 0.0; x < n; x++ {
		if u < chance {
			return x
		}
		u -= chance
		chance *= odds * (n - x) / (x + 1)
		if chance == 0 {
			return x
		}
	}
	return n
}

func rejectBinomial(n, p float64, r *rand.Rand) float64 {
	odds := p / (1 - p)
	spread := math.Sqrt(n * p * (1 - p))
	b := 1.15 + 2.53*spread
	a := -0.0873 + 0.0248*b + 0.01*p
	center := n*p + 0.5
	alpha := (2.83 + 5.1/b) * spread
	mode := math.Floor((n + 1) * p)
	for {
		u, v := r.Float64()-0.5, r.Float64()
		us := 0.5 - math.Abs(u)
		k := math.Floor((2*a/us+b)*u + center)
		if k < 0 || k > n {
			continue
		}
		if us >= 0.07 && v <= 0.92-4.2/b {
			return k
		}
		if math.Log(v*alpha/(a/(us*us)+b)) <= logFactorial(mode)+logFactorial(n-mode)-logFactorial(k)-logFactorial(n-k)+(k-mode)*math.Log(odds) {
			return k
		}
	}
}

func logFactorial(n float64) float64 {
	v, _ := math.Lgamma(n + 1)
	return v
}
