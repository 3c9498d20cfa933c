package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/urbangrid/urbangrid/dashboard/live/liveclient"
)

// watchPrinter prints what is heard, one line each. Where an area was asked for it
// leaves out what is not of it.
type watchPrinter struct {
	out   io.Writer
	json  bool
	area  string
	cells map[string]bool // of the area; nil means all
}

func (p *watchPrinter) print(u liveclient.Update) error {
	switch {
	case u.Lost != nil:
		return p.line(u, "connection lost: "+u.Lost.Error(), map[string]any{"lost": u.Lost.Error()})
	case u.Topic == "":
		return p.line(u, "connected to "+u.Server, map[string]any{"connected": u.Server})
	case u.Topic == "alerts":
		return p.alerts(u)
	}
	return p.changes(u)
}

func (p *watchPrinter) changes(u liveclient.Update) error {
	if u.Whole {
		text := fmt.Sprintf("%s shows %d cells", u.Topic, len(u.Cells))
		if err := p.line(u, text, map[string]any{"topic": u.Topic, "shows": len(u.Cells)}); err != nil {
			return err
		}
	}
	for _, c := range u.Cells {
		if p.cells != nil && !p.cells[c.Cell] {
			continue
		}
		shown := "-"
		if c.Value != nil {
			shown = strconv.FormatFloat(*c.Value, 'f', -1, 64)
		}
		err := p.line(u, fmt.Sprintf("%s %s %s %d", u.Topic, c.Cell, shown, c.Count),
			map[string]any{"topic": u.Topic, "cell": c.Cell, "value": c.Value, "n": c.Count})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *watchPrinter) alerts(u liveclient.Update) error {
	for _, a := range u.Alerts {
		if p.area != "" && a.Area != p.area {
			continue
		}
		text := fmt.Sprintf("alert %s %s %s %s %s", a.State, a.Severity, a.Rule, a.Place, a.Reason.EN)
		if err := p.line(u, text, map[string]any{"topic": u.Topic, "alert": a.Raw}); err != nil {
			return err
		}
	}
	return nil
}

// line prints text, or fields in its place.
func (p *watchPrinter) line(u liveclient.Update, text string, fields map[string]any) error {
	at := u.At
	if at.IsZero() { // what the server has not told a time of is of now
		at = time.Now()
	}
	if !p.json {
		_, err := fmt.Fprintln(p.out, at.Local().Format("15:04:05"), text)
		return err
	}
	fields["at"] = at.UTC().Format("2006-01-02T15:04:05.000Z")
	b, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	_, err = fmt.Fprintf(p.out, "%s\n", b)
	return err
}
