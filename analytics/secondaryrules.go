package analytics

import (
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// secondaryRule makes a rule about change, baselines, drift, silence or outliers
// part of what the judge does.
func (j *judge) secondaryRule(r Rule, k *kind, study *study, opts Options) openRule {
	if r.Change != nil {
		c := newChangeRule(r, k)
		k.changes = append(k.changes, c)
		return c
	}
	s := j.secondaryOf(k, study)
	switch {
	case r.Baseline != nil:
		s.baseline = newBaselineRule(r, s)
		return s.baseline
	case r.Drift != nil:
		s.drift = newDriftRule(r, s)
		return s.drift
	case r.Silence != nil:
		s.silence = newSilenceRule(r, s, opts.Interval, j.silent)
		return s.silence
	default:
		s.outlier = newOutlierRule(r, s)
		return s.outlier
	}
}

// health takes in what a message that was received at a time says of a device itself.
func (j *judge) health(h *sensors.Health, received time.Time) {
	for _, s := range j.secondaries {
		s.presence(j, h)
	}
	at := min(h.At.UnixMicro(), received.UnixMicro())
	for _, r := range j.exceedances {
		if h.Presence == sensors.Offline {
			r.gone(j, h.Device, at)
		} else {
			r.alive(j, h.Device, at)
		}
	}
}

// secondaryFaults returns what is wrong with r whatever it judges, as far as it is
// about change, baselines, drift, silence or outliers.
func (r Rule) secondaryFaults() []error {
	switch {
	case r.Change != nil:
		return r.Change.faults()
	case r.Baseline != nil:
		return r.Baseline.faults()
	case r.Drift != nil:
		return r.Drift.faults()
	case r.Silence != nil:
		return r.Silence.faults()
	case r.Outlier != nil:
		return r.Outlier.faults()
	}
	return nil
}

// secondaryKindFaults returns what is wrong with r for the kind it judges.
func (r Rule) secondaryKindFaults(k sensors.Kind) []error {
	var faults []error
	measure := map[string]bool{"change": r.Change != nil, "baseline": r.Baseline != nil}
	for _, what := range []string{"change", "baseline"} {
		if !measure[what] {
			continue
		}
		if k.Type != sensors.Measure {
			faults = append(faults, fmt.Errorf("a %s judges a measure, %s is an %s", what, k.Key, k.Type))
		}
		if k.Bad == sensors.NeitherIsBad {
			faults = append(faults, fmt.Errorf("kind %s does not say which direction is bad", k.Key))
		}
	}
	if r.Drift != nil && k.Type != sensors.Event {
		faults = append(faults, fmt.Errorf("a drift counts an event, %s is a %s", k.Key, k.Type))
	}
	if r.Silence != nil && r.Silence.Chance > 0 && k.Type != sensors.Event {
		faults = append(faults, fmt.Errorf("the chance of a silence is that of no event, %s is a %s", k.Key, k.Type))
	}
	return faults
}

// secondaryType names the type of a secondary rule of which a kind has one at most,
// "" for other rules.
func (r Rule) secondaryType() string {
	switch {
	case r.Baseline != nil:
		return "baseline"
	case r.Drift != nil:
		return "drift"
	case r.Silence != nil:
		return "silence"
	case r.Outlier != nil:
		return "outlier"
	}
	return ""
}

// pairFaults returns what is wrong with r beside the other rules.
func (r Rule) pairFaults(all []Rule) []error {
	var faults []error
	hotspots, same := false, 0
	for _, o := range all {
		if o.Kind != r.Kind {
			continue
		}
		hotspots = hotspots || o.Hotspot != nil
		if t := r.secondaryType(); t != "" && o.secondaryType() == t {
			same++
		}
	}
	if same > 1 {
		faults = append(faults, fmt.Errorf("kind %q has %d %s rules, one is the most", r.Kind, same, r.secondaryType()))
	}
	needs := r.Drift != nil || r.Silence != nil && r.Silence.Chance > 0
	if needs && !hotspots {
		faults = append(faults, fmt.Errorf("kind %q has no hotspot rule, whose expectation this one needs", r.Kind))
	}
	return faults
}
