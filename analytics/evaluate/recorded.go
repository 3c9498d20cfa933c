package evaluate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// ReadTruth reads incidents as `urbangrid simulate --truth` writes them: one JSON
// object a line. The error names the line.
func ReadTruth(r io.Reader) ([]Truth, error) {
	dec := json.NewDecoder(r)
	var all []Truth
	for n := 1; ; n++ {
		var line struct {
			Kind  sensors.KindKey `json:"kind"`
			Cells []string        `json:"cells"`
			Start time.Time       `json:"start"`
			End   time.Time       `json:"end"`
			Type  string          `json:"type"`
		}
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("read truth: incident %d: %w", n, err)
		}
		cells, err := readCells(line.Cells)
		if err != nil {
			return nil, fmt.Errorf("read truth: incident %d: %w", n, err)
		}
		all = append(all, Truth{Type: line.Type, Kind: line.Kind, Cells: cells, Start: line.Start, End: line.End})
	}
}

func readCells(texts []string) ([]grid.Cell, error) {
	var cells []grid.Cell
	for _, text := range texts {
		c, err := grid.ParseCell(text)
		if err != nil {
			return nil, err
		}
		cells = append(cells, c)
	}
	slices.Sort(cells)
	return cells, nil
}

// ReadAlerts reads alerts as GET /api/v1/alerts answers them. Of an alert the records
// tell how it was last, so an episode has one report, of when it was raised.
func ReadAlerts(r io.Reader) ([]Episode, error) {
	var body struct {
		Alerts []struct {
			ID       string              `json:"id"`
			Kind     sensors.KindKey     `json:"kind"`
			Category store.AlertCategory `json:"category"`
			Place    string              `json:"place"`
			Cell     string              `json:"cell"`
			Cells    []string            `json:"cells"`
			Value    float64             `json:"value"`
			Baseline float64             `json:"baseline"`
			Score    *float64            `json:"score"`
			RaisedAt time.Time           `json:"raised_at"`
		} `json:"alerts"`
	}
	if err := json.NewDecoder(r).Decode(&body); err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	var all []Episode
	for _, a := range body.Alerts {
		if len(a.Cells) == 0 && a.Cell != "" {
			a.Cells = []string{a.Cell}
		}
		cells, err := readCells(a.Cells)
		if err != nil {
			return nil, fmt.Errorf("read alerts: alert %s: %w", a.ID, err)
		}
		report := Report{At: a.RaisedAt, Cells: cells, Whole: len(cells) == 0, Count: a.Value, Usual: a.Baseline}
		if a.Score != nil {
			report.Score = *a.Score
		}
		if a.Cell != "" {
			report.Peak, _ = grid.ParseCell(a.Cell) // it is among Cells, which were read
		}
		category := a.Category
		if category == "" {
			category = store.AboutCity
		}
		all = append(all, Episode{ID: a.ID, Kind: a.Kind, Category: category, RaisedAt: a.RaisedAt, Reports: []Report{report}})
	}
	return all, nil
}

// Recorded measures a run by its truth, each type of incident by itself.
func Recorded(truth []Truth, episodes []Episode) *Result {
	res := newResult("recorded", 0)
	byType := make(map[string][]Finding)
	for _, t := range truth {
		byType[t.Type] = append(byType[t.Type], Find(t, episodes))
	}
	for _, name := range slices.Sorted(maps.Keys(byType)) {
		res.Injections = append(res.Injections, Measure(name, byType[name], nil))
	}
	res.set("incidents", float64(len(truth)), "that were made to happen")
	res.set("alerts", float64(len(episodes)), "that were raised, of any category")
	res.check()
	return res
}
