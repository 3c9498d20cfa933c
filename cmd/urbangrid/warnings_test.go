package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestWarnings_KeepTheNewestWithWhatTheySay(t *testing.T) {
	var out bytes.Buffer
	var kept warnings
	log := slog.New(kept.over(slog.NewTextHandler(&out, nil))).With("component", "ingest")
	log.Info("all is well")
	for i := range keptWarnings + 5 {
		log.Warn("broker connection lost", "attempt", i)
	}
	log.Error("journal is full", "bytes", 7)
	lines := kept.newest()
	if len(lines) != keptWarnings {
		t.Fatalf("%d lines are kept, want %d", len(lines), keptWarnings)
	}
	first := lines[0]
	if first.Level != "error" || first.Component != "ingest" || first.Message != "journal is full" || first.Facts["bytes"] != "7" {
		t.Errorf("newest is %+v", first)
	}
	if got, want := lines[len(lines)-1].Facts["attempt"], fmt.Sprint(6); got != want {
		t.Errorf("oldest is of attempt %s, want %s", got, want)
	}
	if n := strings.Count(out.String(), "\n"); n != keptWarnings+7 {
		t.Errorf("%d lines were handed on, want %d", n, keptWarnings+7)
	}
}

func TestWithoutSecrets_TakesUserAndPasswordAway(t *testing.T) {
	for address, want := range map[string]string{
		"mqtts://grid:geheim@broker.example:8883?group=a": "mqtts://broker.example:8883?group=a",
		"embedded://127.0.0.1:1883":                       "embedded://127.0.0.1:1883",
		"duckdb:series.db":                                "duckdb:series.db",
	} {
		if got := withoutSecrets(address); got != want {
			t.Errorf("%s is shown as %s, want %s", address, got, want)
		}
	}
}
