package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/chirpstack"
	"github.com/urbangrid/urbangrid/sensors/codec/frigate"
	"github.com/urbangrid/urbangrid/sensors/codec/jsonmap"
	"github.com/urbangrid/urbangrid/sensors/codec/native"
	"github.com/urbangrid/urbangrid/sensors/codec/onvif"
	"github.com/urbangrid/urbangrid/sensors/codec/senml"
	"github.com/urbangrid/urbangrid/sensors/codec/sensorthings"
	"github.com/urbangrid/urbangrid/sensors/codec/sparkplug"
	"github.com/urbangrid/urbangrid/sensors/codec/tts"
	"github.com/urbangrid/urbangrid/sensors/profile"
)

// formatsFile is the file that the setting formats names. What it leaves out
// has its defaults; docs/FORMATS.md explains each part.
type formatsFile struct {
	Profiles   []string `yaml:"profiles"` // files with device profiles, from the folder of this file; they go before those that come with UrbanGrid
	ChirpStack struct {
		Prefix string `yaml:"prefix"`
	} `yaml:"chirpstack"`
	TTS struct {
		Prefix string `yaml:"prefix"`
		Naming string `yaml:"naming"` // what names a device: device_id (or "") or dev_eui
	} `yaml:"tts"`
	SenML        senml.Options        `yaml:"senml"`
	Sparkplug    sparkplug.Options    `yaml:"sparkplug"`
	Frigate      frigate.Options      `yaml:"frigate"`
	FrigateKey   string               `yaml:"frigate_key_file"` // secret of privacy: hash
	ONVIF        onvif.Options        `yaml:"onvif"`
	SensorThings sensorthings.Options `yaml:"sensorthings"`
	JSON         []string             `yaml:"json"` // mapping files of any other JSON
}

// formatSet is the formats that messages may come in, the most frequent first, and
// the topics of them as one subscribes to them at another broker.
type formatSet struct {
	formats []sensors.Format
	filters []string
	ordered []string // more filters, of what must be read in order; see sensors.Ordered
}

// readFormats returns the formats of the file at path, "" for the defaults. Every
// fault is returned at once.
func readFormats(path string, catalog *sensors.Catalog, profileOf func(sensors.DeviceID) (string, bool), reg prometheus.Registerer) (formatSet, error) {
	var file formatsFile
	if path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return formatSet{}, err
		}
		dec := yaml.NewDecoder(bytes.NewReader(b))
		dec.KnownFields(true)
		if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
			return formatSet{}, fmt.Errorf("%s: %w", path, err)
		}
	}
	ignored := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "urbangrid_ingest_messages_ignored_total",
		Help: "Messages that say nothing about the city and are no fault, by format and reason.",
	}, []string{"format", "reason"})
	if err := reg.Register(ignored); err != nil {
		return formatSet{}, err
	}
	ignore := func(format string) func(string) {
		return func(reason string) { ignored.WithLabelValues(format, reason).Inc() }
	}
	file.Frigate.Ignored, file.ONVIF.Ignored = ignore("frigate"), ignore("onvif")
	file.SenML.Ignored, file.Sparkplug.Ignored = ignore("senml"), ignore("sparkplug")
	return file.build(filepath.Dir(path), catalog, profileOf)
}

func (f *formatsFile) build(dir string, catalog *sensors.Catalog, profileOf func(sensors.DeviceID) (string, bool)) (formatSet, error) {
	var faults []error
	fault := func(part string, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", part, err))
		}
	}
	within := func(name string) string {
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(dir, name)
	}
	profiles, err := readProfiles(f.Profiles, within, catalog)
	fault("profiles", err)
	if f.FrigateKey != "" {
		f.Frigate.Key, err = os.ReadFile(within(f.FrigateKey))
		fault("frigate_key_file", err)
	}
	ml, err := senml.New(catalog, f.SenML)
	fault("senml", err)
	sp, err := sparkplug.New(catalog, f.Sparkplug)
	fault("sparkplug", err)
	fr, err := frigate.NewDecoder(catalog, f.Frigate)
	fault("frigate", err)
	ov, err := onvif.NewDecoder(catalog, f.ONVIF)
	fault("onvif", err)
	st, err := sensorthings.NewDecoder(catalog, f.SensorThings)
	fault("sensorthings", err)
	naming, err := readNaming(f.TTS.Naming)
	fault("tts", err)
	mapped, err := readMappings(f.JSON, within, catalog)
	fault("json", err)
	if len(faults) > 0 {
		return formatSet{}, errors.Join(faults...)
	}
	formats := []sensors.Format{
		native.NewFormat(catalog),
		chirpstack.New(profiles, chirpstack.Options{Prefix: f.ChirpStack.Prefix, ProfileOf: profileOf}),
		tts.New(profiles, tts.Options{Prefix: f.TTS.Prefix, Naming: naming, ProfileOf: profileOf}),
		sp, fr, ov, st, ml,
	}
	set := formatSet{formats: formats, filters: f.filters()}
	for _, m := range mapped {
		set.formats = append(set.formats, m)
		set.filters = append(set.filters, m.Filters()...)
	}
	for _, format := range set.formats {
		if o, ok := format.(sensors.Ordered); ok {
			set.ordered = append(set.ordered, o.OrderedTopics()...)
		}
	}
	return set, nil
}

// filters are the topics of the formats that come with UrbanGrid and do not mind
// the order of their messages.
func (f *formatsFile) filters() []string {
	filters := []string{"urbangrid/v1/#", below(f.ChirpStack.Prefix) + "application/#", below(f.TTS.Prefix) + "v3/#"}
	for _, t := range f.SenML.Topics {
		filters = append(filters, t.Filter)
	}
	return filters
}

// below is a prefix as topics begin with it: the formats take it with or without
// its last '/'.
func below(prefix string) string {
	if prefix == "" || strings.HasSuffix(prefix, "/") {
		return prefix
	}
	return prefix + "/"
}

func readProfiles(names []string, within func(string) string, catalog *sensors.Catalog) (*profile.Set, error) {
	set, err := profile.Default(catalog)
	if err != nil {
		return nil, err
	}
	var faults []error
	for _, name := range names {
		more, err := readFile(within(name), func(r io.Reader) (*profile.Set, error) { return profile.ReadFile(r, catalog) })
		if err != nil {
			faults = append(faults, err)
			continue
		}
		set = set.Extend(more)
	}
	return set, errors.Join(faults...)
}

func readNaming(s string) (tts.Naming, error) {
	switch s {
	case "", "device_id":
		return tts.ByDeviceID, nil
	case "dev_eui":
		return tts.ByDevEUI, nil
	}
	return 0, fmt.Errorf("naming: %q is neither device_id nor dev_eui", s)
}

func readMappings(names []string, within func(string) string, catalog *sensors.Catalog) ([]*jsonmap.Decoder, error) {
	var formats []*jsonmap.Decoder
	var faults []error
	for _, name := range names {
		f, err := readFile(within(name), func(r io.Reader) (*jsonmap.Decoder, error) { return jsonmap.Load(catalog, r) })
		if err != nil {
			faults = append(faults, err)
			continue
		}
		formats = append(formats, f)
	}
	return formats, errors.Join(faults...)
}
