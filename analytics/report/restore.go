package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// Restore reads a Result that was written as JSON, so that it can be written in
// every form again. The shapes of areas come from areas; a row whose area is no
// longer there has no place.
func Restore(text []byte, areas []grid.Area) (*Result, error) {
	var res Result
	if err := json.Unmarshal(text, &res); err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	if err := res.restore(areas); err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	return &res, nil
}

// restore fills in what JSON does not say: the zone, which texts are times, and the
// shapes of areas.
func (r *Result) restore(areas []grid.Area) error {
	var err error
	if r.Period.location, err = time.LoadLocation(r.Period.Zone); err != nil {
		return err
	}
	for i := range r.Parameters {
		if p := &r.Parameters[i]; p.Key == "from" || p.Key == "to" {
			p.Value.restoreTime()
		}
	}
	for _, t := range r.Tables {
		for _, row := range t.Rows {
			if len(row) != len(t.Columns) {
				return fmt.Errorf("table %s has a row of %d values in %d columns", t.Key, len(row), len(t.Columns))
			}
			for i := range row {
				if t.Columns[i].Type == TimeColumn {
					row[i].restoreTime()
				}
			}
		}
	}
	r.Features = slices.DeleteFunc(r.Features, func(f Feature) bool {
		return f.Area != "" && !slices.ContainsFunc(areas, func(a grid.Area) bool { return a.Code == f.Area })
	})
	for i := range r.Features {
		f := &r.Features[i]
		for _, a := range areas {
			if f.Area != "" && a.Code == f.Area {
				f.shape = a.Polygons
			}
		}
	}
	return nil
}

// restoreTime makes the text of a time a time again, and leaves others as they are.
func (v *Value) restoreTime() {
	s, ok := v.v.(string)
	if !ok {
		return
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		v.v = t.UTC()
	}
}
