package trend

import "math"

// EWMARule is when an EWMA chart raises an alarm. The zero value works.
type EWMARule struct {
	Lambda float64 // weight of the newest step, above 0 and at most 1; 0 means 0.2
	Width  float64 // of the limits, in standard deviations of the average; 0 means 2.7
}

// EWMAChart is a series as an EWMA chart sees it. The limits are Limit and its
// negative; they widen while the chart has little history.
type EWMAChart struct {
	Average []float64
	Limit   []float64
	Alarms  []int // steps at which the average was outside of its limits
}

// EWMA charts z, a series of distances from the expected in standard
// deviations, by its exponentially weighted moving average (Roberts 1959) from
// 0. A missing step leaves average and limits as they are. The average is not
// reset by an alarm: it comes back by itself.
func EWMA(z []float64, rule EWMARule) EWMAChart {
	if rule.Lambda == 0 {
		rule.Lambda = 0.2
	}
	if rule.Width == 0 {
		rule.Width = 2.7
	}
	chart := EWMAChart{Average: make([]float64, len(z)), Limit: make([]float64, len(z))}
	ultimate := rule.Lambda / (2 - rule.Lambda)
	var average float64
	past := 1.0 // (1-λ)^(2t): what is left of the start
	for i, v := range z {
		if !math.IsNaN(v) {
			average = rule.Lambda*v + (1-rule.Lambda)*average
			past *= (1 - rule.Lambda) * (1 - rule.Lambda)
		}
		chart.Average[i] = average
		chart.Limit[i] = rule.Width * math.Sqrt(ultimate*(1-past))
		if math.Abs(average) > chart.Limit[i] {
			chart.Alarms = append(chart.Alarms, i)
		}
	}
	return chart
}
