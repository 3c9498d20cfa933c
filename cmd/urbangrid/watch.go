package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/urbangrid/urbangrid/dashboard/live/liveclient"
)

// watchOptions say what to watch.
type watchOptions struct {
	server     string
	kind       string
	layer      string
	resolution int
	area       string
	alerts     bool
	json       bool
	attempts   int
}

func newWatchCommand() *cobra.Command {
	var o watchOptions
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Print what the live map and the alert list show, as it changes",
		Long: `Connects to a running server as a page does (docs/PROTOCOL.md) and prints a line
for every cell that changes and every change of an alert. It reconnects by itself
and goes on where it was: no alert is left out and none is printed twice.

Without --kind it prints the alerts. A line of cells is the time of the change, the
topic, the cell, what it shows ("-" for nothing any more) and the count; a line of
alerts is the time, "alert", state, severity, rule, place and reason.`,
		Example: `  urbangrid watch
  urbangrid watch --kind noise --resolution 9 --area 310107005 --alerts
  urbangrid watch --kind illegal_parking --layer excess --json | jq .value`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			p := &watchPrinter{out: cmd.OutOrStdout(), json: o.json}
			if err := watchLive(ctx, o, p); !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.server, "server", "http://127.0.0.1:8080", "address of the server")
	f.StringVar(&o.kind, "kind", "", "key of a kind whose cells to watch")
	f.StringVar(&o.layer, "layer", "cells", "what of the cells: cells (value), count, heat (Gi*) or excess (over what is usual)")
	f.IntVar(&o.resolution, "resolution", 9, "H3 resolution of the cells, 7 to 10")
	f.StringVar(&o.area, "area", "", "code of an area: only its cells and alerts")
	f.BoolVar(&o.alerts, "alerts", false, "watch the alerts; without --kind that is so anyway")
	f.BoolVar(&o.json, "json", false, "print one JSON object a line")
	f.IntVar(&o.attempts, "attempts", 0, "give up after so many failed connections in a row; 0 never does")
	return cmd
}

func watchLive(ctx context.Context, o watchOptions, p *watchPrinter) error {
	o.server = strings.TrimSuffix(o.server, "/")
	topics, err := o.topics(ctx, p)
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	err = liveclient.Follow(ctx, o.server, topics, liveclient.Options{Attempts: o.attempts}, p.print)
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	return nil
}

// maxTopics is how many subscriptions a connection may have.
const maxTopics = 32

// topics are what to subscribe to; of an area the tiles that its cells lie in.
func (o watchOptions) topics(ctx context.Context, p *watchPrinter) ([]string, error) {
	var topics []string
	p.area = o.area
	if o.alerts || o.kind == "" {
		topics = append(topics, "alerts")
	}
	if o.kind == "" {
		return topics, nil
	}
	topic := o.layer + "/" + o.kind + "/r" + strconv.Itoa(o.resolution)
	if o.area == "" {
		return append(topics, topic), nil
	}
	cells, err := areaCells(ctx, o.server, o.area, o.resolution)
	if err != nil {
		return nil, err
	}
	p.cells = make(map[string]bool, len(cells))
	tiles := make(map[string]bool)
	for _, c := range cells {
		p.cells[c.String()] = true
		tile, _ := c.Ancestor(o.resolution - liveclient.TileSteps) // coarser than the cell, so that there is one
		if name := topic + "/" + tile.String(); !tiles[name] {
			tiles[name] = true
			topics = append(topics, name)
		}
	}
	if len(topics) > maxTopics {
		return nil, fmt.Errorf("area %s lies in %d tiles at resolution %d; take a coarser one", o.area, len(tiles), o.resolution)
	}
	return topics, nil
}
