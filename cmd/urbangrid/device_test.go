package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/ingest/auth"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/sqlite"
	"github.com/urbangrid/urbangrid/stream"
)

// silence is what the API wants and these tests do not.
type silence struct{ dashboard.Series }

func (silence) FindAlerts(context.Context, store.AlertQuery) ([]store.Alert, error) { return nil, nil }
func (silence) CountAlerts(context.Context, store.AlertQuery) (int, error)          { return 0, nil }
func (silence) Epoch() string                                                       { return "e" }
func (silence) Last(context.Context) (uint64, error)                                { return 0, nil }
func (silence) Follow(ctx context.Context, _ uint64, _ chan<- stream.Event) error {
	<-ctx.Done()
	return ctx.Err()
}

// office is a register behind its API, without the rest of a server.
type office struct {
	url      string
	register *register
	records  *sqlite.Records
}

func openOffice(t *testing.T) *office {
	t.Helper()
	records, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "records.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = records.Close() })
	o := &office{records: records}
	if o.register, err = newRegister(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	metrics := prometheus.NewRegistry()
	dash, err := dashboard.New(dashboard.Deps{
		Kinds: catalog, Series: silence{}, Alerts: silence{}, Quarantine: records, Devices: o.register,
		Credentials: credentials{auth.NewIssuer(records), records, func(string) {}}, AlertLog: silence{},
		Gatherer: metrics, Registerer: metrics, Logger: slog.New(slog.DiscardHandler),
	}, dashboard.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(dash.Handler())
	t.Cleanup(srv.Close)
	o.url = srv.URL
	return o
}

// device runs `urbangrid device` with arguments.
func (o *office) device(t *testing.T, args ...string) (string, string, error) {
	t.Helper()
	cmd := newDeviceCommand()
	var out, errs bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(append(args, "--http", o.url))
	err := cmd.ExecuteContext(t.Context())
	return out.String(), errs.String(), err
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDevice_ImportedDevicesAreKnownAtOnceAndExportedAsTheyWere(t *testing.T) {
	o := openOffice(t)
	file := write(t, "a.csv", "\ufeff设备编号,名称,纬度,经度,坐标系,观测类型\n井盖-7,一号,31.24,121.42,gcj02,noise\nb,,,,,\n")
	if out, _, err := o.device(t, "import", "--file", file, "--dry-run"); err != nil || !strings.Contains(out, "2 devices could be") || o.register.known("b") {
		t.Fatalf("dry run: %q, %v", out, err)
	}
	if out, errs, err := o.device(t, "import", "--file", file); err != nil || !strings.Contains(out, "2 devices entered") {
		t.Fatalf("import: %q %q, %v", out, errs, err)
	}
	if p, ok := o.register.place("井盖-7"); !ok || p.Datum != sensors.GCJ02 || !o.register.known("b") || o.register.known("c") {
		t.Errorf("the register in memory has %+v, %v", p, ok)
	}
	if o.register.sends("井盖-7", "smoke") || !o.register.sends("井盖-7", "noise") || !o.register.sends("b", "smoke") {
		t.Error("kinds are not those that were imported")
	}
	exported := filepath.Join(t.TempDir(), "out.geojson")
	if _, _, err := o.device(t, "export", "--file", exported); err != nil {
		t.Fatal(err)
	}
	if out, errs, err := openOffice(t).device(t, "import", "--file", exported); err != nil || !strings.Contains(out, "2 devices entered") {
		t.Errorf("import of the export: %q %q, %v", out, errs, err)
	}
	if out, _, err := o.device(t, "export", "--lang", "zh"); err != nil || !strings.HasPrefix(out, "\ufeff设备编号,") || !strings.Contains(out, "井盖-7,一号,31.24,121.42,gcj02") {
		t.Errorf("export: %q, %v", out, err)
	}
}

func TestDevice_EveryFaultOfAFileIsSaid(t *testing.T) {
	o := openOffice(t)
	_, errs, err := o.device(t, "import", "--file", write(t, "a.csv", "id,kinds,interval\ngood,,\na/b,nonsense,\nc,,soon\n"))
	if err == nil || !strings.Contains(err.Error(), "3 faults") || o.register.known("good") {
		t.Errorf("error %v, want three faults and nothing imported", err)
	}
	for _, want := range []string{"row 3, column id: ", "row 3, column kinds: ", "row 4, column interval: "} {
		if !strings.Contains(errs, want) {
			t.Errorf("nothing of %q in %q", want, errs)
		}
	}
	for _, args := range [][]string{{"import"}, {"import", "--file", "x.pdf"}, {"import", "--file", "/does/not/exist.csv"}, {"export", "--format", "pdf"}} {
		if _, _, err := o.device(t, args...); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

func TestDevice_ACredentialIsPrintedOnceAndLetsIn(t *testing.T) {
	o := openOffice(t)
	if err := o.register.PutDevice(t.Context(), sensors.Device{ID: "n-1"}); err != nil {
		t.Fatal(err)
	}
	a := auth.New(o.records, auth.Options{Logger: slog.New(slog.DiscardHandler)})
	for args, topic := range map[string]string{"n-1": "urbangrid/v1/n-1/obs", "cs --prefix application/7": "application/7/device/x/event/up"} {
		words := strings.Fields(args)
		out, _, err := o.device(t, append([]string{"credentials"}, words...)...)
		if err != nil {
			t.Fatal(err)
		}
		var user, password string
		if _, err := fmt.Sscanf(out, "user %s\npassword %s\n", &user, &password); err != nil || user != words[0] {
			t.Fatalf("printed %q: %v", out, err)
		}
		p, ok := a.Authenticate(user, []byte(password))
		if !ok || !p.MayPublish(topic) || p.MayPublish("urbangrid/v1/other/obs") {
			t.Errorf("%s: %+v, %v", user, p, ok)
		}
		if _, _, err := o.device(t, "credentials", user, "--revoke"); err != nil {
			t.Fatal(err)
		}
		if _, ok := a.Authenticate(user, []byte(password)); ok {
			t.Errorf("%s was let in after its password was revoked", user)
		}
	}
	if _, _, err := o.device(t, "credentials", "ghost"); err == nil {
		t.Error("a password was issued for a device that nobody knows")
	}
}

func TestRegister_AMovedDeviceIsWhereItStoodThen(t *testing.T) {
	o := openOffice(t)
	first := sensors.Position{LatDegrees: 31.24, LonDegrees: 121.42, Datum: sensors.WGS84}
	second := sensors.Position{LatDegrees: 31.25, LonDegrees: 121.43, Datum: sensors.WGS84}
	for _, p := range []sensors.Position{first, second} {
		if err := o.register.PutDevice(t.Context(), sensors.Device{ID: "a", Position: p}); err != nil {
			t.Fatal(err)
		}
	}
	reopened, err := newRegister(t.Context(), o.records)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*register{"after the move": o.register, "after a restart": reopened} {
		places := r.moved["a"]
		if len(places) != 2 {
			t.Fatalf("%s: places %v, want two", name, places)
		}
		for at, want := range map[time.Time]sensors.Position{
			places[0].From.Add(-time.Microsecond): first, places[1].From.Add(-time.Hour): first, places[0].From: second, time.Now().Add(time.Hour): second,
		} {
			if got, ok := r.placeAt("a", at); !ok || got != want {
				t.Errorf("%s: at %v it stood at %v, want %v", name, at, got, want)
			}
		}
	}
}

func TestRegister_AClosedOneAdmitsWhomPeopleEntered(t *testing.T) {
	o := openOffice(t)
	if err := o.register.PutDevices(t.Context(), "", []sensors.Device{{ID: "entered"}, {ID: "auto", Auto: true, Profile: "p"}}); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[sensors.DeviceID]bool{"entered": true, "auto": false, "ghost": false} {
		if got := o.register.admits(policyClosed, id); got != want {
			t.Errorf("closed admits %s: %v, want %v", id, got, want)
		}
		if !o.register.admits(policyOpen, id) {
			t.Errorf("open does not admit %s", id)
		}
	}
	if o.register.profile("auto") != "p" {
		t.Error("profile is not known")
	}
	if err := o.register.PutDevice(t.Context(), sensors.Device{ID: "auto"}); err != nil || !o.register.known("auto") {
		t.Errorf("adopted, and not known: %v", err)
	}
	for s, want := range map[string]devicePolicy{"open": policyOpen, "closed": policyClosed, "": "", "Open": ""} {
		if got, err := parseDevicePolicy(s); got != want || (err == nil) != (want != "") {
			t.Errorf("policy %q: %q, %v", s, got, err)
		}
	}
}

// A district's whole register is imported while people wait.
func TestDevice_ImportsAHundredThousandDevices(t *testing.T) {
	o := openOffice(t)
	var b strings.Builder
	b.WriteString("id,name,lat,lon,datum,profile,kinds,owner,installed,tags\n")
	const many = 100_000
	for i := range many {
		fmt.Fprintf(&b, "noise-%06d,曹杨路 %d 号,%.6f,%.6f,gcj02,milesight-em300,noise;smoke,区市政所,2024-02-29,一期\n", i, i, 31.2+float64(i%1000)*1e-4, 121.3+float64(i/1000)*1e-4)
	}
	began := time.Now()
	out, errs, err := o.device(t, "import", "--file", write(t, "many.csv", b.String()))
	took := time.Since(began)
	if err != nil || !strings.Contains(out, "100000 devices entered") {
		t.Fatalf("%.200q %.200q %v", out, errs, err)
	}
	t.Logf("100,000 devices of %d MB imported in %s", b.Len()>>20, took.Round(time.Millisecond))
	if took > time.Minute {
		t.Errorf("took %s, want at most a minute", took)
	}
	began = time.Now()
	answer, err := exportTo(t, o.url)
	if err != nil || bytes.Count(answer, []byte("\n")) != many+1 {
		t.Errorf("export has %d lines: %v", bytes.Count(answer, []byte("\n")), err)
	}
	t.Logf("exported in %s", time.Since(began).Round(time.Millisecond))
}

func exportTo(t *testing.T, url string) ([]byte, error) {
	t.Helper()
	var out bytes.Buffer
	err := exportDevices(t.Context(), io.Writer(&out), exportOptions{http: url, lang: "en"})
	return out.Bytes(), err
}
