package hotspot_test

import (
	"os"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
)

func TestExperiment(t *testing.T) {
	if os.Getenv("EXP") == "" {
		return
	}
	w := newTown(t, 11, 11, 0.43)
	opts := hotspot.Options{Name: "x", Memory: 6 * 7 * 24 * time.Hour}
	if os.Getenv("EXP") == "hour" {
		opts.Step = time.Hour
		opts.Windows = nil
		for i := range 6 {
			opts.Windows = append(opts.Windows, time.Duration(i+1)*time.Hour)
		}
	}
	d, err := hotspot.New(w.lattice, nil, opts)
	if err != nil {
		t.Fatal(err)
	}
	at := monday
	began := time.Now()
	total := map[hotspot.Why]int{}
	for wk := range 20 {
		var ch []hotspot.Change
		for range 168 {
			feed(d, w.hour(at, nil), &ch)
			at = at.Add(time.Hour)
		}
		n := map[hotspot.Why]int{}
		for _, c := range ch {
			n[c.Why]++
		}
		for k, v := range n {
			if wk >= 4 {
				total[k] += v
			}
		}
		if wk == 19 {
			t.Logf("week %d: %v %+v", wk, n, d.Knowledge())
			r, f, q, m, p := d.Dbg()
			t.Log(r, f, q, m, p)
		}
	}
	t.Log(total)
	t.Logf("took %s", time.Since(began))
	saved, err := d.Save()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("state %d bytes", len(saved))
	type design struct {
		name         string
		ring         int
		times, extra float64
		hours        int
	}
	for _, g := range []design{}[:0:0] {
		_ = []design{{"k1_RR3_6h", 1, 3, 0, 6}, {"k1_RR5_6h", 1, 5, 0, 6}, {"k0_add3_6h", 0, 0, 3, 6}, {"k2_RR2_12h", 2, 2, 0, 12}, {"k1_add1_6h", 1, 0, 1, 6}, {"null", 1, 1, 0, 6}}
		found, jac := 0, []float64{}
		const reps = 60
		for range reps {
			e, _ := hotspot.New(w.lattice, nil, opts)
			if err := e.Restore(saved); err != nil {
				t.Fatal(err)
			}
			in := &injection{cells: map[int]bool{}, times: g.times, extra: g.extra}
			c := w.rng.IntN(w.lattice.Len())
			for _, x := range w.lattice.Disk(c, g.ring) {
				in.cells[int(x)] = true
			}
			start := at.Add(time.Duration(24+w.rng.IntN(24)) * time.Hour)
			in.from, in.to = start, start.Add(time.Duration(g.hours)*time.Hour)
			var ch []hotspot.Change
			for h := at; h.Before(in.to); h = h.Add(time.Hour) {
				feed(e, w.hour(h, in), &ch)
			}
			ch = append(ch, e.Advance(in.to)...)
			hit, best := false, hotspot.Hotspot{}
			for _, x := range ch {
				if x.At.Before(in.from) || x.Whole {
					continue
				}
				both := 0
				for _, cell := range x.Cells {
					i, _ := w.lattice.Index(cell)
					if in.cells[i] {
						both++
					}
				}
				if both > 0 {
					hit = true
					if x.Score > best.Score {
						best = x.Hotspot
					}
				}
			}
			if hit {
				found++
				both := 0
				for _, cell := range best.Cells {
					i, _ := w.lattice.Index(cell)
					if in.cells[i] {
						both++
					}
				}
				jac = append(jac, float64(both)/float64(len(best.Cells)+len(in.cells)-both))
			}
		}
		for i := range jac {
			for j := i; j > 0 && jac[j] < jac[j-1]; j-- {
				jac[j], jac[j-1] = jac[j-1], jac[j]
			}
		}
		med := 0.0
		if len(jac) > 0 {
			med = jac[len(jac)/2]
		}
		t.Logf("%s: found %.3f median jaccard %.2f", g.name, float64(found)/reps, med)
	}
}
