package trend

import "math"

// CusumRule is when a CUSUM chart raises an alarm. The zero value works, and
// finds a lasting shift of one standard deviation in about ten steps.
type CusumRule struct {
	Allowance float64 // taken off at each step, half the shift to be found, in standard deviations; 0 means 0.5
	Limit     float64 // an alarm is above it, in standard deviations; 0 means 5
	Clip      float64 // what a single step may count for, in standard deviations; 0 means 6; +Inf is allowed
	KeepOn    bool    // do not start again from 0 after an alarm
}

func (r CusumRule) filled() CusumRule {
	if r.Allowance == 0 {
		r.Allowance = 0.5
	}
	if r.Limit == 0 {
		r.Limit = 5
	}
	if r.Clip == 0 {
		r.Clip = 6
	}
	return r
}

// Alarm says to which side a chart left its limits.
type Alarm int8

// The sides a chart can leave its limits to.
const (
	Quiet Alarm = 0
	Up    Alarm = 1
	Down  Alarm = -1
)

// Cusum is the memory of a two-sided CUSUM chart (Page 1954) of one series that
// goes on for ever: eight bytes, to be kept by value for each cell. The zero
// value has seen nothing. It is not safe for concurrent use.
//
// A single spike counts for no more than the rule's Clip, the sums fade by the
// Allowance at every step, and an alarm starts both again from 0, so that the
// next one takes new evidence.
type Cusum struct {
	High float32 // evidence of a shift upwards, in standard deviations
	Low  float32 // evidence of a shift downwards
}

// Add takes in the next step: z is how far it was from what was expected, in
// standard deviations. A missing one (NaN) leaves the chart as it is; no data is
// not recovery.
func (c *Cusum) Add(z float64, rule CusumRule) Alarm {
	rule = rule.filled()
	high, low, alarm := rule.add(float64(c.High), float64(c.Low), z)
	c.High, c.Low = float32(high), float32(low)
	return alarm
}

// Fade takes in that many steps at once, each exactly as expected (z = 0): what
// a cell that was not looked at because nothing happened has missed. It raises
// no alarm.
func (c *Cusum) Fade(steps int, rule CusumRule) {
	loss := float64(steps) * rule.filled().Allowance
	c.High = float32(max(0, float64(c.High)-loss))
	c.Low = float32(max(0, float64(c.Low)-loss))
}

func (r CusumRule) add(high, low, z float64) (newHigh, newLow float64, alarm Alarm) {
	if math.IsNaN(z) {
		return high, low, Quiet
	}
	z = max(-r.Clip, min(z, r.Clip))
	high = max(0, high+z-r.Allowance)
	low = max(0, low-z-r.Allowance)
	switch {
	case high > r.Limit:
		alarm = Up
	case low > r.Limit:
		alarm = Down
	default:
		return high, low, Quiet
	}
	if r.KeepOn {
		return high, low, alarm
	}
	return 0, 0, alarm
}

// CusumChart is a whole series as a CUSUM chart sees it. The sums are those that
// were held against the limit, before an alarm took them back to 0.
type CusumChart struct {
	High, Low []float64
	Alarms    []int // steps at which the chart raised an alarm
}

// Cusums charts z, a series of distances from the expected in standard
// deviations.
func Cusums(z []float64, rule CusumRule) CusumChart {
	rule = rule.filled()
	watch := rule
	watch.KeepOn = true
	chart := CusumChart{High: make([]float64, len(z)), Low: make([]float64, len(z))}
	var high, low float64
	for i, v := range z {
		var alarm Alarm
		high, low, alarm = watch.add(high, low, v)
		chart.High[i], chart.Low[i] = high, low
		if alarm == Quiet {
			continue
		}
		chart.Alarms = append(chart.Alarms, i)
		if !rule.KeepOn {
			high, low = 0, 0
		}
	}
	return chart
}

// PoissonAllowance is what a Poisson CUSUM takes off at each step so that it
// tells a mean of unusual from one of usual soonest (Lucas 1985). Both are above
// 0 and differ.
func PoissonAllowance(usual, unusual float64) float64 {
	return (unusual - usual) / math.Log(unusual/usual)
}

// PoissonCusum charts counts against a rise of their mean from usual to unusual:
// the sum of what exceeds [PoissonAllowance], never below 0. An alarm is above
// limit, in counts, and starts the sum again from 0; a limit of +Inf raises
// none. Missing counts leave the sum as it is.
func PoissonCusum(counts []float64, usual, unusual, limit float64) (sums []float64, alarms []int) {
	allowance := PoissonAllowance(usual, unusual)
	sums = make([]float64, len(counts))
	var sum float64
	for i, v := range counts {
		if !math.IsNaN(v) {
			sum = max(0, sum+v-allowance)
		}
		sums[i] = sum
		if sum > limit {
			alarms = append(alarms, i)
			sum = 0
		}
	}
	return sums, alarms
}
