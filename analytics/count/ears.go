package count

import "math"

// EARSOptions tune [C1], [C2] and [C3].
type EARSOptions struct {
	Baseline int     // steps that the present is held against; 0 means 7
	MinSigma float64 // least standard deviation that is believed, after Burkom; 0 means 0.5, negative any
	Limit    float64 // the statistic that raises the alarm; 0 means 3, for C3 2
}

// EARS is the judgement on one step of a series. Where there is no full baseline,
// or a value of it is missing, the numbers are NaN and there is no alarm.
type EARS struct {
	Mean      float64 // of the baseline
	Sigma     float64 // standard deviation of the baseline (n−1), MinSigma at least
	Statistic float64 // NaN or infinite when Sigma is 0
	Upper     float64 // a count above it raises the alarm; −Inf when C3 does so whatever is counted
	Alarm     bool
}

// guard is how many steps C2 and C3 leave out between the baseline and the
// present, so that a slow beginning does not raise its own baseline.
const guard = 2

// C1 is the first of the three detectors of the Early Aberration Reporting System
// (Hutwagner, Thompson, Seeman and Treadwell 2003): each step in standard
// deviations from the mean of the steps t−7 … t−1. It answers for every step of x.
func C1(x []float64, opts EARSOptions) []EARS {
	return ears(x, 0, opts)
}

// C2 is [C1] with the baseline t−9 … t−3.
func C2(x []float64, opts EARSOptions) []EARS {
	return ears(x, guard, opts)
}

// C3 adds up by how much C2 exceeded 1 in the steps t−2, t−1 and t. Mean and Sigma
// are those of C2.
//
// surveillance::earsC(method="C3") does not compute this: through version 1.26.0
// its limit holds the present count where the mean belongs, so that no count,
// however high, alarms by itself.
func C3(x []float64, opts EARSOptions) []EARS {
	limit := opts.Limit
	if limit == 0 {
		limit = 2
	}
	c2 := C2(x, opts)
	out := make([]EARS, len(x))
	for t, now := range c2 {
		carried := math.NaN()
		if t >= 2 {
			carried = above1(c2[t-2]) + above1(c2[t-1])
		}
		s := carried + above1(now)
		upper := now.Mean + now.Sigma*(1+limit-carried)
		if carried >= limit && !math.IsNaN(now.Statistic) {
			upper = math.Inf(-1)
		}
		out[t] = EARS{Mean: now.Mean, Sigma: now.Sigma, Statistic: s, Upper: upper, Alarm: s >= limit}
	}
	return out
}

func above1(e EARS) float64 { return math.Max(0, e.Statistic-1) }

func ears(x []float64, gap int, opts EARSOptions) []EARS {
	length, floor, limit := opts.Baseline, opts.MinSigma, opts.Limit
	if length <= 0 {
		length = 7
	}
	if floor == 0 {
		floor = 0.5
	}
	if limit == 0 {
		limit = 3
	}
	out := make([]EARS, len(x))
	for t := range x {
		mean, sigma := math.NaN(), math.NaN()
		if from := t - gap - length; from >= 0 {
			mean, sigma = meanAndSigma(x[from : from+length])
		}
		sigma = math.Max(sigma, floor)
		z := (x[t] - mean) / sigma
		out[t] = EARS{Mean: mean, Sigma: sigma, Statistic: z, Upper: mean + limit*sigma, Alarm: z >= limit}
	}
	return out
}

// meanAndSigma returns the mean and the standard deviation (n−1).
func meanAndSigma(x []float64) (mean, sigma float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	var squares float64
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(squares / float64(len(x)-1))
}
