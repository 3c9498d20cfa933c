package trend

import "math"

// Seasonal is the test of Hirsch, Slack and Smith (1982): [MannKendall] within
// each season, summed, with one continuity correction. A season is the step
// modulo period: the hour of the week for hourly values and a period of 168. It
// supposes that seasons are independent of each other. A period below 2 is no
// season.
func Seasonal(x []float64, period int) Kendall { return Regional(seasons(x, period)) }

// Regional is the test of Helsel and Frans (2006): [MannKendall] of each of
// several series, summed. It asks whether they go the same way, and supposes
// that they are independent of each other; neighbouring cells are not.
func Regional(sites [][]float64) Kendall {
	var sum tally
	for _, x := range sites {
		values, _ := present(x)
		sum.add(tallyOf(values))
	}
	return sum.corrected(1)
}

// CorrelatedSeasonal is [Seasonal] with the covariances between the seasons in
// its variance (Hirsch and Slack 1984). It has no continuity correction, leaves
// out every period with a value missing, and needs about ten periods.
func CorrelatedSeasonal(x []float64, period int) Kendall {
	return CorrelatedRegional(seasons(x, period))
}

// CorrelatedRegional is [Regional] with the covariances between the series in
// its variance (Dietz and Killeen 1981). It has no continuity correction and
// leaves out every step at which a series has no value.
func CorrelatedRegional(sites [][]float64) Kendall {
	whole := complete(sites)
	ranked := make([][]float64, len(whole))
	var sum tally
	var variance float64
	for g, x := range whole {
		sum.add(tallyOf(x))
		ranked[g] = ranks(x)
		for h := range g {
			variance += 2 * covariance(x, whole[h], ranked[g], ranked[h])
		}
		variance += covariance(x, x, ranked[g], ranked[g])
	}
	return sum.standardised(variance, standardised(float64(sum.s), variance))
}

// Partial tests x for a trend that the trend of a covariate does not explain
// (Libiseller and Grimvall 2002): fewer street fights because it rained, or
// fewer. Steps at which either is missing are left out. As in the paper the
// variance has no term for ties, and there is no continuity correction. Tau is
// of x alone.
func Partial(x, covariate []float64) Kendall {
	whole := complete([][]float64{x, covariate})
	own, other := mannKendall(whole[0]), mannKendall(whole[1])
	out := Kendall{N: own.N, Tau: own.Tau, TauB: own.TauB, Ties: own.Ties, P: 1}
	variance := varianceTerm(own.N) / 18
	if variance == 0 {
		return out
	}
	rho := covariance(whole[0], whole[1], ranks(whole[0]), ranks(whole[1])) / variance
	out.S = own.S - rho*other.S
	out.Var = (1 - rho*rho) * variance
	out.Z = standardised(out.S, out.Var)
	out.P = twoSided(out.Z)
	return out
}

// covariance is that of the S of two series of the same steps, ties considered
// (Dietz and Killeen 1981).
func covariance(x, y, rankX, rankY []float64) float64 {
	n := float64(len(x))
	var agreeing int
	var product float64
	for i := range x {
		product += rankX[i] * rankY[i]
		for j := i + 1; j < len(x); j++ {
			agreeing += signOf(x[j], x[i]) * signOf(y[j], y[i])
		}
	}
	return (float64(agreeing) + 4*product - n*(n+1)*(n+1)) / 3
}

func signOf(a, b float64) int {
	switch {
	case a > b:
		return 1
	case a < b:
		return -1
	}
	return 0
}

// seasons cuts x into one series a season. The last period is filled up with
// missing values.
func seasons(x []float64, period int) [][]float64 {
	period = max(period, 1)
	rows := (len(x) + period - 1) / period
	out := make([][]float64, period)
	for s := range out {
		out[s] = make([]float64, rows)
		for row := range rows {
			out[s][row] = math.NaN()
			if at := row*period + s; at < len(x) {
				out[s][row] = x[at]
			}
		}
	}
	return out
}

// complete returns what is left of each series when the steps at which any has
// no value are taken out. A series that has ended has no value.
func complete(sites [][]float64) [][]float64 {
	out := make([][]float64, len(sites))
	steps := 0
	for i, x := range sites {
		if i == 0 || len(x) < steps {
			steps = len(x)
		}
	}
	for step := range steps {
		whole := true
		for _, x := range sites {
			whole = whole && !math.IsNaN(x[step])
		}
		if !whole {
			continue
		}
		for i, x := range sites {
			out[i] = append(out[i], x[step])
		}
	}
	return out
}
