package main

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

func TestOpenSettings_LaysWhatPeopleSavedOverTheFiles(t *testing.T) {
	s := &server{log: slog.New(slog.DiscardHandler)}
	s.cfg.Data, s.cfg.Records = t.TempDir(), "sqlite:records.db"
	if err := s.readFiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.openRecords(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.records.Close(); err != nil {
			t.Error(err)
		}
	})
	one, err := grid.ReadAreas(bytes.NewReader([]byte(`{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"code":"310107001","name":"一"},
		"geometry":{"type":"Polygon","coordinates":[[[121.4,31.24],[121.41,31.24],[121.41,31.25],[121.4,31.24]]]}}]}`)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := grid.WriteAreas(one)
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range []store.Setting{
		{Section: dashboard.AreaSection, Key: dashboard.DistrictKey, Value: text, By: "王芳"},
		{Section: dashboard.KindSection, Key: "noise", Value: []byte(`{"names":{"zh":"环境声","en":"Sound"},"unit_label":{"zh":"分贝","en":"dB"},"scale":[40,90]}`), By: "王芳"},
		{Section: dashboard.KindSection, Key: "gone", Value: []byte(`{}`), By: "王芳"},
		{Section: "rule", Key: "noise_loud", Value: []byte("off: true\nrule: {name: noise_loud, kind: noise, names: {zh: a, en: b}, severity: warning, threshold: {raise: 85, clear: 80}}"), By: "王芳"},
	} {
		if _, err := s.records.SaveSetting(t.Context(), setting); err != nil {
			t.Fatal(err)
		}
	}
	rules := len(s.rules)
	if err := s.openSettings(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(s.areas.All()); n != 1 || s.settings.Areas.Version != 1 || len(s.settings.Areas.File.All()) != 10 {
		t.Errorf("%d areas of version %d over %d of the file, want 1 of version 1 over 10", n, s.settings.Areas.Version, len(s.settings.Areas.File.All()))
	}
	if k, _ := s.catalog.Kind("noise"); k.Names.ZH != "环境声" {
		t.Errorf("noise is called %s", k.Names.ZH)
	}
	if len(s.rules) != rules-1 {
		t.Errorf("%d rules are in force, want %d: one is off", len(s.rules), rules-1)
	}
}
