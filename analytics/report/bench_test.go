package report_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// putuo answers with counts for every cell or area of a district, at once: what is
// measured is the reports alone.
type putuo struct {
	*town
	cells []grid.Cell
	codes []grid.AreaCode
	known map[string]store.Cube
}

func (p *putuo) Cube(_ context.Context, q store.CubeQuery) (store.Cube, error) {
	key := fmt.Sprint(q.By) + q.Bounds[0].String() + q.Bounds[len(q.Bounds)-1].String()
	if c, ok := p.known[key]; ok {
		return c, nil
	}
	c := store.Cube{Bounds: q.Bounds}
	places, mean := 1, 40.0
	switch q.By {
	case store.ByCell:
		c.Cells, places, mean = p.cells, len(p.cells), 2
	case store.ByArea:
		c.Areas, places = p.codes, len(p.codes)
	default:
		c.City = true
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range places * (len(q.Bounds) - 1) {
		c.Count = append(c.Count, int64(mean*rnd.ExpFloat64()))
	}
	p.known[key] = c
	return c, nil
}

func newPutuo(b *testing.B) *report.Reporter {
	b.Helper()
	kinds, err := sensors.DefaultCatalog()
	if err != nil {
		b.Fatal(err)
	}
	areas, err := grid.Putuo()
	if err != nil {
		b.Fatal(err)
	}
	p := &putuo{town: newTown(b), known: map[string]store.Cube{}}
	if p.cells, err = areas.Cells(grid.Resolution); err != nil {
		b.Fatal(err)
	}
	for _, a := range areas.All() {
		p.codes = append(p.codes, a.Code)
	}
	return report.New(report.Sources{Kinds: kinds, Areas: areas, Series: p, Alerts: p, Devices: p},
		report.Options{Zone: mustZone(b, "Asia/Shanghai"), Now: func() time.Time { return now }})
}

func benchmark(b *testing.B, name report.Name, query string) {
	r := newPutuo(b)
	req, err := report.Parse(name, mustQuery(b, query), r.District())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Answer(b.Context(), req, "s", nil); err != nil {
			b.Fatal(err)
		}
	}
}

// A trend of 90 days is to come in 300 ms, from the stores on.
func BenchmarkTrend_TenAreas90Days(b *testing.B) { benchmark(b, report.Trend, "kind=smoke") }

func BenchmarkTrend_TenAreas14DaysOfHours(b *testing.B) {
	benchmark(b, report.Trend, "kind=smoke&every=hour")
}

// The emerging hot spots of one kind are to come in 2 s.
func BenchmarkEmerging_4000Cells90Days(b *testing.B) {
	benchmark(b, report.Emerging, "kind=smoke&resolution=10&from=2026-08-25")
}

func BenchmarkEmerging_4000Cells168Hours(b *testing.B) {
	benchmark(b, report.Emerging, "kind=smoke&resolution=10&every=hour")
}

func BenchmarkHotspots_4000Cells(b *testing.B) {
	benchmark(b, report.Hotspots, "kind=smoke&resolution=10")
}

func BenchmarkScan_4000Cells99Replicates(b *testing.B) {
	benchmark(b, report.Hotspots, "kind=smoke&resolution=10&scan=true&replicates=99")
}
