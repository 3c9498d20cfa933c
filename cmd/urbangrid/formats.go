package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

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

// readFormats returns the formats that messages may come in, the most frequent
// first. path is "" for the defaults. Every fault is returned at once.
func readFormats(path string, catalog *sensors.Catalog, profileOf func(sensors.DeviceID) (string, bool), reg prometheus.Registerer) (formats []sensors.Format, filters []string, err error) {
	var file formatsFile
	if path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		dec := yaml.NewDecoder(bytes.NewReader(b))
		dec.KnownFields(true)
		if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	ignored := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "urbangrid_ingest_messages_ignored_total",
		Help: "Messages that say nothing about the city and are no fault, by format and reason.",
	}, []string{"format", "reason"})
	if err := reg.Register(ignored); err != nil {
		return nil, nil, err
	}
	ignore := func(format string) func(string) {
		return func(reason string) { ignored.WithLabelValues(format, reason).Inc() }
	}
	file.Frigate.Ignored, file.ONVIF.Ignored = ignore("frigate"), ignore("onvif")
	file.SenML.Ignored, file.Sparkplug.Ignored = ignore("senml"), ignore("sparkplug")
	return file.build(filepath.Dir(path), catalog, profileOf)
}

func (f *formatsFile) build(dir string, catalog *sensors.Catalog, profileOf func(sensors.DeviceID) (string, bool)) (formats []sensors.Format, filters []string, err error) {
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
		return nil, nil, errors.Join(faults...)
	}
	formats = []sensors.Format{
		native.NewFormat(catalog),
		chirpstack.New(profiles, chirpstack.Options{Prefix: f.ChirpStack.Prefix, ProfileOf: profileOf}),
		tts.New(profiles, tts.Options{Prefix: f.TTS.Prefix, Naming: naming, ProfileOf: profileOf}),
		sp, fr, ov, st, ml,
	}
	filters = f.filters()
	for _, m := range mapped {
		formats = append(formats, m)
		filters = append(filters, m.Filters()...)
	}
	return formats, filters, nil
}

// filters are the topics of the formats, as one subscribes to them at another
// broker.
func (f *formatsFile) filters() []string {
	cameras := f.Frigate.Prefix
	if cameras == "" {
		cameras = "frigate"
	}
	filters := []string{
		"urbangrid/v1/#", f.ChirpStack.Prefix + "application/#", f.TTS.Prefix + "v3/#", "spBv1.0/#",
		cameras + "/#", "+/onvif-ej/#", "+/onvif-mj/#",
		f.SensorThings.Prefix + "v1.0/#", f.SensorThings.Prefix + "v1.1/#",
	}
	for _, t := range f.SenML.Topics {
		filters = append(filters, t.Filter)
	}
	return filters
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
