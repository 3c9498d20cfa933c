package simulator

import "time"

type what uint8

const (
	sendMeasure what = iota // a measure reports
	maybeEvent              // an event of an ordinary day may happen
	sendEvent               // an event of an incident happens
	beginIncident
)

// item is something that is due at a time of the story.
type item struct {
	due    time.Duration
	at     time.Duration // phenomenon time
	number uint64        // of equals the one pushed first comes first
	what   what
	device *device
	value  float64
	lat    float64
	lon    float64
}

func (a *item) before(b *item) bool {
	return a.due < b.due || (a.due == b.due && a.number < b.number)
}

// queue is a binary heap by due time.
type queue struct {
	items  []item
	pushed uint64
}

func (q *queue) push(it item) {
	q.pushed++
	it.number = q.pushed
	q.items = append(q.items, it)
	for i := len(q.items) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.items[i].before(&q.items[parent]) {
			return
		}
		q.items[i], q.items[parent] = q.items[parent], q.items[i]
		i = parent
	}
}

func (q *queue) pop() (item, bool) {
	if len(q.items) == 0 {
		return item{}, false
	}
	top := q.items[0]
	last := len(q.items) - 1
	q.items[0] = q.items[last]
	q.items = q.items[:last]
	for i := 0; ; {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < last && q.items[child].before(&q.items[least]) {
				least = child
			}
		}
		if least == i {
			return top, true
		}
		q.items[i], q.items[least] = q.items[least], q.items[i]
		i = least
	}
}
