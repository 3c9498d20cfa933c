package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func configOf(t *testing.T, file string, environ []string, args ...string) (config, error) {
	t.Helper()
	f := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	addFlags(f)
	if file != "" {
		path := filepath.Join(t.TempDir(), "urbangrid.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	return readConfig(f, environ)
}

func TestConfig_FlagsWinOverEnvironmentOverFileOverDefaults(t *testing.T) {
	file := "http: 127.0.0.1:1\nzone: Asia/Tokyo\nlateness: 12h\ndemo: true\nhosts: [a.example, b.example]\n"
	environ := []string{"URBANGRID_HTTP=127.0.0.1:2", "URBANGRID_ZONE=Asia/Seoul", "URBANGRID_MQTT=127.0.0.1:9", "URBANGRID_LATENESS=6h", "URBANGRID_INFLUX_TOKEN=secret", "PATH=/bin"}
	c, err := configOf(t, file, environ, "--http", "127.0.0.1:3", "--demo-devices", "77")
	if err != nil {
		t.Fatal(err)
	}
	if c.HTTP != "127.0.0.1:3" || c.Zone != "Asia/Seoul" || c.Lateness != 6*time.Hour || !c.Demo ||
		c.Broker != "embedded://127.0.0.1:9" || c.DemoDevices != 77 || len(c.Hosts) != 2 || c.Series != "duckdb:series.db" {
		t.Errorf("merged to %+v", c)
	}
}

// Every setting can be given in each of the three ways.
func TestConfig_EverySettingWorksFromFileEnvironmentAndFlag(t *testing.T) {
	known := filepath.Join(t.TempDir(), "known")
	if err := os.WriteFile(known, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	other := map[string]string{
		"data": "elsewhere", "http": "127.0.0.1:7", "broker": "embedded://127.0.0.1:8", "journal": "nats://n:1",
		"series": "duckdb:x.db", "records": "sqlite:x.db", "zone": "UTC", "district": "x", "district_en": "y", "kinds": known, "areas": known, "rules": known,
		"formats": known, "broker_user": "u", "broker_password_file": known, "broker_ca": known, "broker_cert": known, "broker_key": known,
		"mqtt_tls": "127.0.0.1:4", "mqtt_ws": "127.0.0.1:5", "mqtt_wss": "127.0.0.1:6", "mqtt_auth": "required",
		"tls_cert": known, "tls_key": known, "tls_client_ca": known, "device_policy": "closed",
		"keep_raw": "1h0m0s", "keep_minutes": "2h0m0s", "keep_hours": "3h0m0s", "keep_days": "48h0m0s", "holidays": known, "reports_nightly": "03:15",
		"lateness": "1h0m0s", "hosts": "x.example", "influx_token_file": known, "secret_key_file": "k.key", "log_level": "debug", "notify_local": "true", "log_format": "json",
		"journal_max_bytes": "2097152", "journal_keep": "2h0m0s", "demo": "true", "demo_seed": "5", "demo_devices": "6", "demo_rate": "7",
		"basemap": "https://t.example/{z}/{x}/{y}", "basemap_datum": "gcj02", "basemap_attribution": "A", "basemap_approval": "B",
		"basemap_key_file": known, "basemap_max_zoom": "9",
	}
	want := func() config {
		var args []string
		for k, v := range other {
			args = append(args, "--"+strings.ReplaceAll(k, "_", "-")+"="+v)
		}
		c, err := configOf(t, "", nil, args...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}()
	def, err := defaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	var file strings.Builder
	var environ []string
	for _, s := range settings {
		v, ok := other[s.key]
		if !ok {
			t.Fatalf("this test knows no other value for %s", s.key)
		}
		file.WriteString(s.key + ": " + v + "\n")
		environ = append(environ, envPrefix+strings.ToUpper(s.key)+"="+v)
	}
	for name, got := range map[string]func() (config, error){
		"file":        func() (config, error) { return configOf(t, file.String(), nil) },
		"environment": func() (config, error) { return configOf(t, "", environ) },
	} {
		c, err := got()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.Data != want.Data || c.Lateness != want.Lateness || c.DemoRate != want.DemoRate || c.DemoSeed != want.DemoSeed ||
			c.JournalMaxBytes != want.JournalMaxBytes || c.Demo != want.Demo || strings.Join(c.Hosts, ",") != strings.Join(want.Hosts, ",") ||
			c.Series != want.Series || c.LogFormat != want.LogFormat || c.NotifyHere != want.NotifyHere || c.Rules != want.Rules {
			t.Errorf("%s gives %+v, flags give %+v", name, c, want)
		}
		if c.HTTP == def.HTTP || c.JournalKeep == def.JournalKeep || c.Zone == def.Zone {
			t.Errorf("%s did not reach every setting: %+v", name, c)
		}
	}
}

func TestConfig_SaysEveryFaultAtOnce(t *testing.T) {
	_, err := configOf(t, "htp: x\n", nil, "--http", "nonsense", "--broker", "kafka://x", "--zone", "Mars/Phobos", "--log-level", "loud", "--rules", "missing.yaml")
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{`"htp"`, "http:", "broker:", "zone:", "log_level:", "rules:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s:\n%v", want, err)
		}
	}
}

func TestServe_KeepsASecondServerOutOfItsFolder(t *testing.T) {
	data := t.TempDir()
	p := startServer(t, data)
	out, err := command(t.Context(), "serve", "--data", data, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "in use by another server") {
		t.Errorf("a second server on the folder: %v\n%s", err, out)
	}
	p.stop(t)
	startServer(t, data).stop(t)
}

func TestServe_SaysThatADemoIsOpenAndWhereToLook(t *testing.T) {
	p := startServer(t, t.TempDir(), "--demo", "--demo-devices", "50", "--demo-rate", "20")
	for _, want := range []string{"http://" + strings.TrimPrefix(p.http, "http://"), "mqtt://" + p.mqtt, "open to everyone on this machine", "Ready: open http://"} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, p.out)
		}
	}
	if strings.HasSuffix(p.http, ":0") {
		t.Errorf("port 0 was printed instead of the chosen one: %s", p.http)
	}
	p.stop(t)
}

func TestServe_SaysWhatToDoWhenAnAddressIsInUse(t *testing.T) {
	p := startServer(t, t.TempDir())
	out, err := command(t.Context(), "serve", "--data", t.TempDir(), "--http", strings.TrimPrefix(p.http, "http://"), "--mqtt", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "choose other addresses with --http and --mqtt") {
		t.Errorf("on an address in use: %v\n%s", err, out)
	}
	p.stop(t)
}
