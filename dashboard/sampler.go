package dashboard

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sampler reads the server's own metrics every few seconds, so that people see how
// fast things go without a monitoring system. It keeps as many samples as
// SampleFor has room for. It is safe for concurrent use.
type Sampler struct {
	gatherer prometheus.Gatherer
	now      func() time.Time

	mu      sync.Mutex // guards samples
	samples []sample   // oldest first
}

// How often samples are taken, and for how long they are kept.
const (
	SampleEvery = 10 * time.Second
	SampleFor   = 10 * time.Minute
)

// sample is every counter and gauge at a time, by name and by label value where there
// is one.
type sample struct {
	at     time.Time
	values map[series]float64
}

type series struct{ name, label string }

// NewSampler returns a Sampler that reads in Run. A nil now means time.Now.
func NewSampler(gatherer prometheus.Gatherer, now func() time.Time) *Sampler {
	if now == nil {
		now = time.Now
	}
	return &Sampler{gatherer: gatherer, now: now}
}

// Run takes samples until ctx ends.
func (s *Sampler) Run(ctx context.Context) error {
	tick := time.NewTicker(SampleEvery)
	defer tick.Stop()
	for {
		if err := s.Take(); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Take takes one sample now.
func (s *Sampler) Take() error {
	now, err := s.read()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.samples = append(s.samples, now)
	if most := int(SampleFor/SampleEvery) + 1; len(s.samples) > most {
		s.samples = append(s.samples[:0], s.samples[len(s.samples)-most:]...)
	}
	return nil
}

func (s *Sampler) read() (sample, error) {
	families, err := s.gatherer.Gather()
	if err != nil {
		return sample{}, fmt.Errorf("read own metrics: %w", err)
	}
	out := sample{at: s.now(), values: make(map[series]float64)}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			key := series{name: f.GetName()}
			if labels := m.GetLabel(); len(labels) > 0 {
				key.label = labels[0].GetValue()
			}
			switch {
			case m.Counter != nil:
				out.values[key] += m.GetCounter().GetValue()
			case m.Gauge != nil:
				out.values[key] += m.GetGauge().GetValue()
			}
		}
	}
	return out, nil
}

// reading is now and the samples of a while ago.
type reading struct {
	sample
	recent sample // about a minute ago, or as far back as there is one
	old    sample // about SampleFor ago, or as far back
}

func (s *Sampler) reading() (reading, error) {
	now, err := s.read()
	if err != nil {
		return reading{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := reading{sample: now, recent: now, old: now}
	if n := len(s.samples); n > 0 {
		r.old = s.samples[0]
		r.recent = s.samples[max(n-int(time.Minute/SampleEvery), 0)]
	}
	return r, nil
}

// sum is the value of a metric over all its labels.
func (s *sample) sum(name string) (total float64) {
	for key, v := range s.values {
		if key.name == name {
			total += v
		}
	}
	return total
}

// labels are the values of a metric by label.
func (s *sample) labels(name string) map[string]float64 {
	out := map[string]float64{}
	for key, v := range s.values {
		if key.name == name {
			out[key.label] = v
		}
	}
	return out
}

// perSecond is how fast a counter has grown in the last minute.
func (r *reading) perSecond(name string) float64 {
	seconds := r.at.Sub(r.recent.at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return (r.sum(name) - r.recent.sum(name)) / seconds
}

// lately is by how much a counter has grown since the oldest sample.
func (r *reading) lately(name, label string) float64 {
	key := series{name, label}
	return r.values[key] - r.old.values[key]
}
