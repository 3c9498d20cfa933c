package hotspot

import "time"

// Answer is what people say of a hotspot after they have looked.
type Answer int

// The answers.
const (
	Confirmed  Answer = iota // it was real: its time is not quiet history
	FalseAlarm               // it was ordinary: it is learned like any other time
)

// Answered takes in an answer about a hotspot that lasted from from to to, which
// may be closed and forgotten. Of several answers about one the last holds. What a
// false alarm held back is learned at once, as far as it is not older than three
// days.
func (d *Detector) Answered(id string, a Answer, from, to time.Time) {
	for _, c := range d.clusters {
		if c.ID == id {
			c.ordinary, c.real = a == FalseAlarm, a == Confirmed
		}
	}
	switch a {
	case FalseAlarm:
		d.thaw(id)
		d.quiet.include(id)
		d.learnWithheld()
	case Confirmed:
		d.quiet.exclude(id, from, to)
	}
}

// excludeReal takes the whole time of a hotspot that people say is real, and that is
// over, out of the quiet history.
func (d *Detector) excludeReal(c *cluster) {
	if c.real {
		d.quiet.exclude(c.ID, c.Since, c.ClosedAt)
	}
}
