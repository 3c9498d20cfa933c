package bench_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	reports "github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/bench"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// nobody is a register without devices, and no alerts.
type nobody struct{}

func (nobody) ListDevices(context.Context, sensors.DeviceID, int) ([]sensors.Device, error) {
	return nil, nil
}

func (nobody) FindAlerts(context.Context, store.AlertQuery) ([]store.Alert, error) { return nil, nil }

// quarterReporter answers from a store that holds the quarter, an hour after its end.
func quarterReporter(b *testing.B, s store.Series) *reports.Reporter {
	b.Helper()
	var text strings.Builder
	text.WriteString("kinds:\n")
	for n := range quarterKinds {
		fmt.Fprintf(&text, "  - {key: %s, names: {zh: 类型, en: kind}, type: event, unit: \"1\", unit_label: {zh: 次, en: times}, range: [1, 1000], scale: [0, 50], bad: high}\n", kindOf(n))
	}
	kinds, err := sensors.ReadCatalog(strings.NewReader(text.String()))
	if err != nil {
		b.Fatal(err)
	}
	areas, err := grid.Putuo()
	if err != nil {
		b.Fatal(err)
	}
	return reports.New(reports.Sources{Kinds: kinds, Areas: areas, Series: s, Alerts: nobody{}, Devices: nobody{}},
		reports.Options{Zone: grid.China().Zone(), Now: func() time.Time { return quarterEnd.Add(time.Hour) }})
}

// answerTime returns the median time of a whole report in milliseconds.
func answerTime(b *testing.B, r *reports.Reporter, req reports.Request) float64 {
	b.Helper()
	var out *reports.Result
	ms := median(b, func() error {
		state, err := r.State(b.Context(), req)
		if err != nil {
			return err
		}
		out, err = r.Answer(b.Context(), req, state, nil)
		return err
	})
	if out.Data.Observations == 0 {
		b.Fatal("nothing was observed")
	}
	return ms
}

// BenchmarkReport measures whole reports on a quarter of a district, nothing
// remembered: the state of the data is asked, and the answer computed. Limits has
// what a trend by area and day and the emerging hot spots of a kind may take.
func BenchmarkReport(b *testing.B) {
	for _, name := range []string{"duckdb", "influx"} {
		b.Run(name, func(b *testing.B) {
			q := newQuarter(b)
			r := quarterReporter(b, openQuarter(b, name, q))
			for _, m := range []struct {
				name   string
				report reports.Name
				params url.Values
				note   string
			}{
				{"trend90d", reports.Trend, url.Values{"kind": {"kind_0"}}, "a trend by area and day over 90 days"},
				{"emerging", reports.Emerging, url.Values{"kind": {"kind_1"}, "resolution": {"10"}, "from": {"2026-08-24"}}, "emerging hot spots of a kind by cell and day over 90 days"},
				{"hotspots", reports.Hotspots, url.Values{"kind": {"kind_1"}, "resolution": {"10"}}, "hot spots of a kind by cell over 28 days"},
			} {
				req, err := reports.Parse(m.report, m.params, r.District())
				if err != nil {
					b.Fatal(err)
				}
				hold(b, func() []bench.Figure {
					return []bench.Figure{{Name: "report." + m.name + "." + name + ".ms", Value: answerTime(b, r, req), Unit: "ms",
						Note: fmt.Sprintf("%s: %.0f million observations held", m.note, float64(q.observations)/1e6)}}
				})
			}
		})
	}
}
