package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// config is every setting of a server. Each works from the file (YAML), from
// the environment (URBANGRID_ and the key in capitals) and as a flag (with
// dashes for underscores); a later source wins over an earlier one.
type config struct {
	Data       string        `koanf:"data"`
	HTTP       string        `koanf:"http"`
	Broker     string        `koanf:"broker"`
	Journal    string        `koanf:"journal"`
	Series     string        `koanf:"series"`
	Records    string        `koanf:"records"`
	Zone       string        `koanf:"zone"`
	District   string        `koanf:"district"`
	DistrictEN string        `koanf:"district_en"`
	Kinds      string        `koanf:"kinds"`
	Areas      string        `koanf:"areas"`
	Rules      string        `koanf:"rules"`
	Holidays   string        `koanf:"holidays"`
	Formats    string        `koanf:"formats"`
	Nightly    string        `koanf:"reports_nightly"`
	Lateness   time.Duration `koanf:"lateness"`
	Hosts      []string      `koanf:"hosts"`
	InfluxAuth string        `koanf:"influx_token_file"`
	LogLevel   string        `koanf:"log_level"`
	NotifyHere bool          `koanf:"notify_local"`
	SecretKey  string        `koanf:"secret_key_file"`
	LogFormat  string        `koanf:"log_format"`

	MQTTTLS       string `koanf:"mqtt_tls"`
	MQTTWebSocket string `koanf:"mqtt_ws"`
	MQTTWSS       string `koanf:"mqtt_wss"`
	MQTTAuth      string `koanf:"mqtt_auth"`
	TLSCert       string `koanf:"tls_cert"`
	TLSKey        string `koanf:"tls_key"`
	TLSClientCA   string `koanf:"tls_client_ca"`
	DevicePolicy  string `koanf:"device_policy"`

	BrokerUser     string `koanf:"broker_user"`
	BrokerPassword string `koanf:"broker_password_file"`
	BrokerCA       string `koanf:"broker_ca"`
	BrokerCert     string `koanf:"broker_cert"`
	BrokerKey      string `koanf:"broker_key"`

	Basemap            string `koanf:"basemap"`
	BasemapDatum       string `koanf:"basemap_datum"`
	BasemapAttribution string `koanf:"basemap_attribution"`
	BasemapApproval    string `koanf:"basemap_approval"`
	BasemapKey         string `koanf:"basemap_key_file"`
	BasemapMaxZoom     int    `koanf:"basemap_max_zoom"`

	KeepRaw     time.Duration `koanf:"keep_raw"`
	KeepMinutes time.Duration `koanf:"keep_minutes"`
	KeepHours   time.Duration `koanf:"keep_hours"`
	KeepDays    time.Duration `koanf:"keep_days"`

	JournalMaxBytes int64         `koanf:"journal_max_bytes"`
	JournalKeep     time.Duration `koanf:"journal_keep"`

	Demo        bool    `koanf:"demo"`
	DemoSeed    uint64  `koanf:"demo_seed"`
	DemoDevices int     `koanf:"demo_devices"`
	DemoRate    float64 `koanf:"demo_rate"`
}

// setting is one key of config with its default and its explanation.
type setting struct {
	key   string
	value any
	help  string
}

// settings are all keys of config. A value's type is the type of its flag.
var settings = []setting{
	{"data", "data", "folder for everything the server keeps"},
	{"http", "127.0.0.1:8080", "address of the page and the HTTP API"},
	{"broker", "embedded://127.0.0.1:1883", "where observations come from: embedded://ADDR, or another broker as mqtt(s)://HOST:PORT?group=NAME&connections=4"},
	{"broker_user", "", "user name at another broker; the environment has URBANGRID_BROKER_PASSWORD"},
	{"broker_password_file", "", "file with the password at another broker"},
	{"broker_ca", "", "file with the CA of another broker's certificate (PEM)"},
	{"broker_cert", "", "file with the certificate to show to another broker (PEM)"},
	{"broker_key", "", "file with the key of that certificate (PEM)"},
	{"mqtt_tls", "", "address of the embedded broker for MQTT over TLS, e.g. :8883"},
	{"mqtt_ws", "", "address of the embedded broker for MQTT over WebSocket"},
	{"mqtt_wss", "", "address of the embedded broker for MQTT over WebSocket and TLS"},
	{"mqtt_auth", "anonymous", "who may publish at the embedded broker: anonymous, or required (users issued with urbangrid device credentials)"},
	{"tls_cert", "", "file with the certificate of the embedded broker (PEM)"},
	{"tls_key", "", "file with the key of that certificate (PEM)"},
	{"tls_client_ca", "", "file with the CA of client certificates; their common name is the user (PEM)"},
	{"device_policy", "open", "devices that are not in the register: open enters them, closed quarantines what they send"},
	{"journal", "embedded:", "journal: embedded: or nats://host:port[,...]"},
	{"series", "duckdb:series.db", "time series: duckdb:FILE (in the data folder) or influx+http(s)://HOST:PORT?org=O&bucket=B"},
	{"records", "sqlite:records.db", "devices, alerts and quarantine: sqlite:FILE (in the data folder)"},
	{"zone", "Asia/Shanghai", "time zone of the district"},
	{"district", "", "name of the district on the page; empty means what the file of the areas says: its member district, or the one area that all others lie in"},
	{"district_en", "", "the same name in English; empty means district"},
	{"kinds", "", "file with kinds that extend the catalogue"},
	{"areas", "", "GeoJSON file of the responsibility areas; empty means the approximate ones of Putuo"},
	{"rules", "", "file of alert rules; empty means those that come with UrbanGrid"},
	{"holidays", "", "file of public holidays and days worked instead, added to those that come with UrbanGrid"},
	{"reports_nightly", "02:30", "time of day, in the zone, at which the reports of the night are made; off makes none by the clock"},
	{"formats", "", "file that configures payload formats; empty means their defaults"},
	{"basemap", "", "address of raster tiles in Web Mercator with {z}, {x}, {y} and perhaps {key}; they are fetched by the server and kept in the data folder"},
	{"basemap_datum", "wgs84", "datum of these tiles: wgs84 or gcj02"},
	{"basemap_attribution", "", "whom to name as the maker of these tiles"},
	{"basemap_approval", "", "map approval number (审图号) of these tiles"},
	{"basemap_key_file", "", "file with the {key} of these tiles"},
	{"basemap_max_zoom", 18, "finest zoom of these tiles"},
	{"keep_raw", 30 * 24 * time.Hour, "how long observations and 10-second roll-ups are kept; 0 means for ever"},
	{"keep_minutes", 90 * 24 * time.Hour, "how long roll-ups of a minute are kept; 0 means for ever"},
	{"keep_hours", 3 * 365 * 24 * time.Hour, "how long roll-ups of an hour are kept; 0 means for ever"},
	{"keep_days", 10 * 365 * 24 * time.Hour, "how long roll-ups of a day are kept; 0 means for ever"},
	{"lateness", 24 * time.Hour, "how late an observation may be; older ones are history and never judged"},
	{"hosts", []string{}, "names under which browsers reach this server, besides IP addresses and localhost"},
	{"notify_local", false, "notification channels may lead to this machine and its link, e.g. 127.0.0.1, and so may a proxy for them; otherwise they are refused there"},
	{"secret_key_file", "", "file with the key that seals the addresses, keys and passwords of notification channels, made when it is missing; empty means secret.key in the data folder"},
	{"influx_token_file", "", "file with the token for InfluxDB; the environment has URBANGRID_INFLUX_TOKEN"},
	{"log_level", "info", "debug, info, warn or error"},
	{"log_format", "text", "text or json"},
	{"journal_max_bytes", int64(32 << 30), "size at which a full journal slows its publishers"},
	{"journal_keep", 24 * time.Hour, "how long the journal is kept after it was read, to recognise duplicates after a restart"},
	{"demo", false, "simulate a district; open to everyone on this machine"},
	{"demo_seed", uint64(1), "story of the simulated district"},
	{"demo_devices", 1200, "simulated devices"},
	{"demo_rate", 120.0, "simulated observations a second"},
}

// addFlags gives the flag set one flag for each setting, and --mqtt as a
// shorthand for the embedded broker's address.
func addFlags(f *pflag.FlagSet) {
	f.String("config", "", "configuration file (YAML)")
	f.String("mqtt", "", "address of the embedded broker, short for --broker embedded://ADDR")
	for _, s := range settings {
		name := strings.ReplaceAll(s.key, "_", "-")
		switch v := s.value.(type) {
		case string:
			f.String(name, v, s.help)
		case bool:
			f.Bool(name, v, s.help)
		case int:
			f.Int(name, v, s.help)
		case int64:
			f.Int64(name, v, s.help)
		case uint64:
			f.Uint64(name, v, s.help)
		case float64:
			f.Float64(name, v, s.help)
		case time.Duration:
			f.Duration(name, v, s.help)
		case []string:
			f.StringSlice(name, v, s.help)
		}
	}
}

const envPrefix = "URBANGRID_"

// readConfig merges defaults, file, environment and the flags that were given.
// The error joins every fault.
func readConfig(f *pflag.FlagSet, environ []string) (config, error) {
	k := koanf.New(".")
	defaults := map[string]any{}
	for _, s := range settings {
		defaults[s.key] = s.value
	}
	if err := k.Load(confmap.Provider(defaults, "."), nil); err != nil {
		return config{}, fmt.Errorf("default settings: %w", err)
	}
	path, _ := f.GetString("config") // the flag exists
	if path == "" {
		path = lookup(environ, envPrefix+"CONFIG")
	}
	if path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return config{}, fmt.Errorf("configuration %s: %w", path, err)
		}
	}
	if err := k.Load(env.Provider(".", env.Opt{Prefix: envPrefix, EnvironFunc: func() []string { return environ }, TransformFunc: fromEnv}), nil); err != nil {
		return config{}, fmt.Errorf("environment: %w", err)
	}
	if err := k.Load(confmap.Provider(fromFlags(f), "."), nil); err != nil {
		return config{}, fmt.Errorf("flags: %w", err)
	}
	var c config
	var faults []error
	for _, key := range k.Keys() {
		if !slices.ContainsFunc(settings, func(s setting) bool { return s.key == key }) {
			faults = append(faults, fmt.Errorf("configuration %s: there is no setting %q", path, key))
		}
	}
	err := k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result:           &c,
		TagName:          "koanf",
		WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(",")),
	}})
	if err != nil {
		faults = append(faults, fmt.Errorf("settings: %w", err))
		return c, errors.Join(faults...)
	}
	return c, errors.Join(append(faults, c.check()...)...)
}

func lookup(environ []string, name string) string {
	for _, e := range environ {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

// fromEnv turns URBANGRID_LOG_LEVEL into log_level. Other programs' variables
// with the prefix, and secrets, are no settings.
func fromEnv(name, value string) (string, any) {
	key := strings.ToLower(strings.TrimPrefix(name, envPrefix))
	switch {
	case key == "mqtt":
		return "broker", "embedded://" + value
	case slices.ContainsFunc(settings, func(s setting) bool { return s.key == key }):
		return key, value
	}
	return "", nil
}

func fromFlags(f *pflag.FlagSet) map[string]any {
	given := map[string]any{}
	f.Visit(func(fl *pflag.Flag) {
		key := strings.ReplaceAll(fl.Name, "-", "_")
		switch key {
		case "config":
		case "mqtt":
			given["broker"] = "embedded://" + fl.Value.String()
		case "hosts":
			given[key], _ = f.GetStringSlice(fl.Name) // the flag exists
		default:
			given[key] = fl.Value.String()
		}
	})
	return given
}

func (c config) check() []error {
	var faults []error
	bad := func(key, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if c.Data == "" {
		bad("data", "a folder is needed")
	}
	if _, _, err := net.SplitHostPort(c.HTTP); err != nil {
		bad("http", "%q is no address like 127.0.0.1:8080", c.HTTP)
	}
	if _, embedded, err := c.mqttAddr(); err != nil {
		bad("broker", "%v", err)
	} else if !embedded && (c.MQTTTLS != "" || c.MQTTWebSocket != "" || c.MQTTWSS != "") {
		bad("mqtt_tls", "addresses of the embedded broker are of no use with another one")
	}
	if (c.MQTTTLS != "" || c.MQTTWSS != "") && (c.TLSCert == "" || c.TLSKey == "") {
		bad("mqtt_tls", "tls_cert and tls_key are needed")
	}
	if c.MQTTAuth != "anonymous" && c.MQTTAuth != "required" {
		bad("mqtt_auth", "%q is neither anonymous nor required", c.MQTTAuth)
	}
	if _, err := parseDevicePolicy(c.DevicePolicy); err != nil {
		bad("device_policy", "%v", err)
	}
	if c.DistrictEN != "" && c.District == "" {
		bad("district_en", "the district also needs its name, as district")
	}
	if _, err := time.LoadLocation(c.Zone); err != nil {
		bad("zone", "%q is no time zone like Asia/Shanghai", c.Zone)
	}
	for _, f := range []struct{ key, path string }{{"kinds", c.Kinds}, {"areas", c.Areas}, {"rules", c.Rules}, {"holidays", c.Holidays},
		{"formats", c.Formats}, {"influx_token_file", c.InfluxAuth}, {"broker_password_file", c.BrokerPassword},
		{"broker_ca", c.BrokerCA}, {"broker_cert", c.BrokerCert}, {"broker_key", c.BrokerKey},
		{"tls_cert", c.TLSCert}, {"tls_key", c.TLSKey}, {"tls_client_ca", c.TLSClientCA}, {"basemap_key_file", c.BasemapKey}} {
		if f.path == "" {
			continue
		}
		if _, err := os.Stat(f.path); err != nil {
			bad(f.key, "%v", err)
		}
	}
	if t, err := c.basemapTiles(); err != nil {
		bad("basemap", "%v", err)
	} else if t.URL != "" {
		if err := t.Validate(); err != nil {
			bad("basemap", "%v", err)
		}
	}
	if _, _, err := c.nightly(); err != nil {
		bad("reports_nightly", "%v", err)
	}
	if c.JournalMaxBytes < 1<<20 {
		bad("journal_max_bytes", "%d is less than 1 MiB", c.JournalMaxBytes)
	}
	if c.Lateness <= 0 || c.JournalKeep < 0 {
		bad("lateness", "lateness and journal_keep are durations like 24h")
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		bad("log_level", "%q is none of debug, info, warn, error", c.LogLevel)
	}
	if !slices.Contains([]string{"text", "json"}, c.LogFormat) {
		bad("log_format", "%q is none of text, json", c.LogFormat)
	}
	return faults
}

// mqttAddr returns the address of the embedded broker, and false when another
// broker is read.
func (c config) mqttAddr() (addr string, embedded bool, err error) {
	scheme, rest, _ := strings.Cut(c.Broker, "://")
	switch scheme {
	case "mqtt", "mqtts", "ws", "wss":
		return "", false, nil
	case "embedded":
		if _, _, err := net.SplitHostPort(rest); err != nil {
			return "", true, fmt.Errorf("%q has no host:port", c.Broker)
		}
		return rest, true, nil
	}
	return "", false, fmt.Errorf("%q is neither embedded://127.0.0.1:1883 nor mqtt(s)://HOST:PORT?group=NAME", c.Broker)
}

// path is a file of the data folder, unless it is absolute.
func (c config) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.Data, name)
}

// defaultConfig is the configuration without file, environment and flags.
func defaultConfig() (config, error) {
	f := pflag.NewFlagSet("defaults", pflag.ContinueOnError)
	addFlags(f)
	return readConfig(f, nil)
}
