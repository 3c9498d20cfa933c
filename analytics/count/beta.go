package count

import "math"

// logNegBin is the logarithm of the probability of y ≥ 1 in a negative binomial
// distribution by the saddle-point expansion of Loader (2000, "Fast and accurate
// computation of binomial probabilities"): the deviances are computed from the
// difference and not as a difference, so a large y or size costs no digits.
func logNegBin(y, mean, size float64) float64 {
	n := y + size
	d := size * (y - mean) / (size + mean)
	logShare := stirling(n) - stirling(size) - stirling(y) -
		deviance(size, n*(size/(size+mean)), -d) - deviance(y, n*(mean/(size+mean)), d)
	// The probability is size/n times that of a binomial.
	return logShare + 0.5*math.Log(size/(2*math.Pi*y*n))
}

// deviance is x·ln(x/m) + m − x: the cost of seeing x where m is expected. d is x − m,
// passed because the caller knows it to more digits than the difference has.
func deviance(x, m, d float64) float64 {
	if math.Abs(d) > 0.1*(x+m) {
		return x*math.Log(x/m) - d
	}
	v := d / (x + m)
	w := v * v
	term, sum := 2*x*v, d*v
	for j := 3.0; ; j += 2 {
		term *= w
		next := sum + term/j
		if next == sum {
			return sum
		}
		sum = next
	}
}

// stirling is the error of Stirling's formula, ln Γ(x+1) − (x+½)·ln x + x − ½·ln 2π.
func stirling(x float64) float64 {
	if x < 16 {
		g, _ := math.Lgamma(x + 1)
		return g - (x+0.5)*math.Log(x) + x - 0.5*math.Log(2*math.Pi)
	}
	w := 1 / (x * x)
	return (1./12 - w*(1./360-w*(1./1260-w*(1./1680-w*(1./1188-w*691./360360))))) / x
}

// betaFraction is the continued fraction of Didonato and Morris (1992, equation 9)
// for the incomplete beta function: I_x(a, b) = x^a·(1−x)^b/B(a, b) times it.
// lambda is a − (a+b)·x, which must not be negative: there it converges in some
// ten to a few hundred steps, and the caller has it without cancellation.
func betaFraction(a, b, x, lambda float64) float64 {
	const tiny = 1e-300
	beta := func(n float64) float64 {
		return n + n*(b-n)*x/(a+2*n-1) + (a+n)*(lambda+1+n*(2-x))/(a+2*n+1)
	}
	f := max(a*(lambda+1)/(a+1), tiny)
	c, d := f, 0.0
	for n := 1.0; n < 1e6; n++ {
		q := (a + n - 1) / (a + 2*n - 1)
		alpha := q * x * ((a + b + n - 1) / (a + 2*n - 1)) * n * (b - n) * x
		bn := beta(n)
		d = bn + alpha*d
		if d == 0 {
			d = tiny
		}
		c = bn + alpha/c
		if c == 0 {
			c = tiny
		}
		d = 1 / d
		step := c * d
		f *= step
		if math.Abs(step-1) < 4e-16 {
			break
		}
	}
	return 1 / f
}
