package trend

import "math"

// loess smooths equidistant values by locally weighted regression, as Cleveland
// et al. (1990) do within STL.
type loess struct {
	window int       // values that take part; above the length the weights only grow flatter
	degree Degree    // of what is fitted
	jump   int       // fit every jump-th value and draw lines between, at least 1
	weight []float64 // scratch, as long as what is smoothed
}

// smooth writes the smoothed y, two values or more, to out. trust is the robustness weight of each
// value, or nil. A value that no neighbour bears on keeps itself.
func (l loess) smooth(y, trust, out []float64) {
	n := len(y)
	jump := min(l.jump, n-1)
	last := 0
	for i := 0; i < n; i += jump {
		out[i] = l.at(y, trust, i)
		if i > 0 {
			lineBetween(out, last, i)
		}
		last = i
	}
	if last < n-1 {
		// The last value is fitted with the neighbours of the last that was on
		// the way: so does the Fortran of the paper, and R with it.
		left, right := l.neighbours(n, last)
		out[n-1] = l.orItself(y, trust, n-1, left, right)
		lineBetween(out, last, n-1)
	}
}

func (l loess) at(y, trust []float64, i int) float64 {
	left, right := l.neighbours(len(y), i)
	return l.orItself(y, trust, i, left, right)
}

func (l loess) orItself(y, trust []float64, i, left, right int) float64 {
	if v, ok := l.fit(y, trust, float64(i), left, right); ok {
		return v
	}
	return y[i]
}

// neighbours returns the first and last of the values that bear on value i.
func (l loess) neighbours(n, i int) (left, right int) {
	if l.window >= n {
		return 0, n - 1
	}
	half := (l.window + 1) / 2
	left = min(max(i-half+1, 0), n-l.window)
	return left, left + l.window - 1
}

// fit returns the regression's value at x, which may lie outside of y. It is
// not ok when no value between left and right has a weight.
func (l loess) fit(y, trust []float64, x float64, left, right int) (value float64, ok bool) {
	reach := max(x-float64(left), float64(right)-x)
	if l.window > len(y) {
		reach += float64((l.window - len(y)) / 2)
	}
	w := l.weight[:right-left+1]
	total := tricube(w, trust, x, left, reach)
	if total <= 0 {
		return 0, false
	}
	for j := range w {
		w[j] /= total
	}
	if reach > 0 && l.degree == Line {
		tilt(w, x, left, float64(len(y)-1))
	}
	for j, weight := range w {
		value += weight * y[left+j]
	}
	return value, true
}

// tricube fills w with the weights of the values from left on, seen from x, and
// returns their sum.
func tricube(w, trust []float64, x float64, left int, reach float64) (total float64) {
	far, near := .999*reach, .001*reach
	for j := range w {
		w[j] = 0
		distance := math.Abs(float64(left+j) - x)
		if distance > far {
			continue
		}
		w[j] = 1
		if distance > near {
			q := distance / reach
			q = 1 - q*q*q
			w[j] = q * q * q
		}
		if trust != nil {
			w[j] *= trust[left+j]
		}
		total += w[j]
	}
	return total
}

// tilt turns the weights of a local mean into those of a local line, unless the
// values that count stand too close together for one.
func tilt(w []float64, x float64, left int, spread float64) {
	var center float64
	for j, weight := range w {
		center += weight * float64(left+j)
	}
	var square float64
	for j, weight := range w {
		d := float64(left+j) - center
		square += weight * d * d
	}
	if math.Sqrt(square) <= .001*spread {
		return
	}
	slope := (x - center) / square
	for j := range w {
		w[j] *= slope*(float64(left+j)-center) + 1
	}
}

// lineBetween fills what is between two values with the line from one to the
// other.
func lineBetween(a []float64, from, to int) {
	rise := (a[to] - a[from]) / float64(to-from)
	for i := from + 1; i < to; i++ {
		a[i] = a[from] + rise*float64(i-from)
	}
}
