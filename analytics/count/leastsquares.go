package count

import "math"

// triangle is the upper triangular factor R of a weighted design, by columns:
// R'R = X'WX.
type triangle [][]float64

// leastSquares minimises Σ weight·(target − Σ coef·column)² by Householder
// reflections, which keeps twice the digits of the normal equations.
func leastSquares(columns [][]float64, weights, target []float64) (coef []float64, r triangle, err error) {
	n, p := len(target), len(columns)
	if n < p {
		return nil, nil, errDependent
	}
	root := make([]float64, n)
	b := make([]float64, n)
	for i, w := range weights {
		root[i] = math.Sqrt(w)
		b[i] = root[i] * target[i]
	}
	a := make([][]float64, p)
	for j, column := range columns {
		a[j] = make([]float64, n)
		for i, v := range column {
			a[j][i] = root[i] * v
		}
	}
	for j := range a {
		if !reflect(a, b, j) {
			return nil, nil, errDependent
		}
	}
	coef = make([]float64, p)
	for j := p - 1; j >= 0; j-- {
		v := b[j]
		for k := j + 1; k < p; k++ {
			v -= a[k][j] * coef[k]
		}
		coef[j] = v / a[j][j]
	}
	return coef, a, nil
}

// reflect clears column j below its diagonal and carries the columns to its right
// and b along. It reports false when nothing of the column is left.
func reflect(a [][]float64, b []float64, j int) bool {
	const negligible = 1e-11
	v := a[j][j:]
	rest, all := norm(v), norm(a[j])
	if !(rest > negligible*all) {
		return false
	}
	if v[0] > 0 {
		rest = -rest
	}
	v[0] -= rest
	square := dot(v, v)
	turn := func(x []float64) {
		f := 2 * dot(v, x) / square
		for i := range x {
			x[i] -= f * v[i]
		}
	}
	for k := j + 1; k < len(a); k++ {
		turn(a[k][j:])
	}
	turn(b[j:])
	v[0] = rest
	return true
}

// quadratic is x'·(R'R)⁻¹·x: the squared length of the solution of R'u = x.
func (r triangle) quadratic(x []float64) float64 {
	u := make([]float64, len(x))
	for j := range u {
		v := x[j]
		for k := range j {
			v -= r[j][k] * u[k]
		}
		u[j] = v / r[j][j]
	}
	return dot(u, u)
}

func dot(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func norm(a []float64) float64 { return math.Sqrt(dot(a, a)) }
