package analytics

import (
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// forgetAfter is the silence, in minutes of secondary.tick, after which a device is no
// longer waited for, and after which what is usual in a cell where no device stands any
// more is of no use.
const forgetAfter = 30 * 24 * 60

// forget lets go of devices and cells that nothing is heard of any more, so that what
// is known does not grow with every device and every place there ever was. It is
// called once an hour.
func (s *secondary) forget(j *judge) {
	now := fromMicros(s.minute * minuteMicros)
	for _, d := range s.senders {
		if s.tick-d.hearing.Last > forgetAfter {
			s.giveUp(j, d, now)
			s.remove(d)
		}
	}
	for cell, p := range s.places {
		if len(p.members) > 0 || !p.idle(s.minute) {
			continue
		}
		if a := p.unusual.open; a != nil {
			a.Reason = sensors.Names{
				ZH: fmt.Sprintf("网格 %s 30 天没有设备，不再等待，警报关闭。", cell),
				EN: fmt.Sprintf("There has been no device in cell %s for 30 days; the alert is closed.", cell),
			}
			j.closed(a, now)
		}
		delete(s.places, cell)
	}
}

// idle reports whether what is known of a cell without devices is of no use at a
// minute: a step that is over will not be joined, and a habit is too old.
func (p *place) idle(minute int64) bool {
	silent := minute - (p.steps.Number+1)*stepMicros/minuteMicros
	return silent > forgetAfter || silent > 0 && p.habit == nil && p.unusual.open == nil
}

// giveUp closes what is open about a device that nobody waits for any more.
func (s *secondary) giveUp(j *judge, d *sender, now time.Time) {
	for _, w := range []*watch{&d.silent, &d.faulty, &d.unusual} {
		if w.open == nil {
			continue
		}
		a := w.open
		w.open = nil
		a.Reason = sensors.Names{
			ZH: fmt.Sprintf("设备 %s 30 天没有信号，不再等待，警报关闭。", d.id),
			EN: fmt.Sprintf("Device %s has not been heard of for 30 days and is no longer waited for; the alert is closed.", d.id),
		}
		j.closed(a, now)
		if w == &d.silent {
			delete(j.silent, d.id)
		}
	}
}
