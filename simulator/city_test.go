package simulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/simulator"
)

// square stands in for H3: cells of about 110 m.
func square(lat, lon float64) string {
	return fmt.Sprintf("%d:%d", int(math.Floor(lat*1000)), int(math.Floor(lon*860)))
}

// island is a district that does not fill the rectangle.
func island(lat, lon float64) bool {
	return math.Hypot((lat-31.265)/.04, (lon-121.39)/.05) < 1
}

// seen is one observation as a server would read it.
type seen struct {
	Device sensors.DeviceID `json:"-"`
	Due    time.Duration    `json:"-"`
	Kind   sensors.KindKey  `json:"kind"`
	Value  float64          `json:"value"`
	Time   time.Time        `json:"time"`
	Lat    float64          `json:"lat"`
	Lon    float64          `json:"lon"`
	ID     string           `json:"id"`
}

type story struct {
	city         *simulator.City
	messages     []simulator.Message
	observations []seen
	truth        []simulator.Incident
}

func tell(t *testing.T, seed uint64, opts simulator.Options) story {
	t.Helper()
	var s story
	if opts.CellOf == nil {
		opts.CellOf = square
	}
	if opts.Inside == nil {
		opts.Inside = island
	}
	opts.OnIncident = func(i simulator.Incident) { s.truth = append(s.truth, i) }
	s.city = simulator.New(seed, opts)
	for {
		m, ok := s.city.Next()
		if !ok {
			return s
		}
		s.messages = append(s.messages, m)
		device := sensors.DeviceID(strings.TrimSuffix(strings.TrimPrefix(m.Topic, "urbangrid/v1/"), "/obs"))
		list := []seen{{}}
		var err error
		if m.Payload[0] == '[' {
			err = json.Unmarshal(m.Payload, &list)
		} else {
			err = json.Unmarshal(m.Payload, &list[0])
		}
		if err != nil {
			t.Fatalf("payload %s: %v", m.Payload, err)
		}
		if len(list) != m.Observations {
			t.Fatalf("message says %d observations and has %d: %s", m.Observations, len(list), m.Payload)
		}
		for _, o := range list {
			o.Device, o.Due = device, m.Due
			s.observations = append(s.observations, o)
		}
	}
}

func (s story) bytes() []byte {
	var b bytes.Buffer
	for _, m := range s.messages {
		fmt.Fprintf(&b, "%d %s %s\n", m.Due, m.Topic, m.Payload)
	}
	for _, i := range s.truth {
		line, _ := json.Marshal(i)
		b.Write(append(line, '\n'))
	}
	return b.Bytes()
}

func TestCity_TellsTheSameStoryForTheSameSeed(t *testing.T) {
	opts := simulator.Options{Devices: 200, Rate: 40, Length: 20 * time.Minute}
	one, again, other := tell(t, 7, opts), tell(t, 7, opts), tell(t, 8, opts)
	if !bytes.Equal(one.bytes(), again.bytes()) {
		t.Error("the same seed told two stories")
	}
	if bytes.Equal(one.bytes(), other.bytes()) {
		t.Error("another seed told the same story")
	}
	if slices.Equal(one.city.Devices(), other.city.Devices()) {
		t.Error("another seed founded the same city")
	}
}

func TestCity_OpensWithTheSameWords(t *testing.T) {
	s := tell(t, 1, simulator.Options{Devices: 40, Rate: 5, Length: 2 * time.Second})
	var got strings.Builder
	for _, m := range s.messages[:3] {
		fmt.Fprintf(&got, "%s %s\n", m.Topic, m.Payload)
	}
	for _, part := range []string{`{"kind":"`, `"value":`, `"time":"2026-01-05T00:00:0`, `"lat":31.2`, `"lon":121.`} {
		if !strings.Contains(got.String(), part) {
			t.Errorf("the first messages lack %s:\n%s", part, got.String())
		}
	}
}

func TestCity_PublishesOnlyWhatTheCatalogueAccepts(t *testing.T) {
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[sensors.KindKey]int)
	for hour := 0; hour < 24; hour += 6 {
		start := time.Date(2026, 3, 2, hour, 0, 0, 0, time.FixedZone("", 8*3600))
		s := tell(t, uint64(hour), simulator.Options{Devices: 300, Rate: 20, Start: start, Length: 40 * time.Minute, IncidentsPerHour: 120})
		for _, o := range s.observations {
			kinds[o.Kind]++
			received := start.Add(o.Due)
			if o.Time.After(received) {
				t.Fatalf("%s at %s is sent before it happens, at %s", o.Device, o.Time, received)
			}
			if reason, detail := catalog.Check(sensors.Observation{Device: o.Device, Kind: o.Kind, Value: o.Value, At: o.Time}, received); reason != "" {
				t.Fatalf("%s publishes what is refused: %s, %s", o.Device, reason, detail)
			}
			if !sensors.ValidDeviceID(string(o.Device)) {
				t.Fatalf("%q cannot name a device", o.Device)
			}
			if o.Kind != "illegal_parking" && o.Kind != "stall" && !island(o.Lat, o.Lon) {
				t.Fatalf("%s stands outside the district, at %f, %f", o.Device, o.Lat, o.Lon)
			}
		}
	}
	if len(kinds) != 10 {
		t.Errorf("the city speaks of %d kinds, want 10: %v", len(kinds), kinds)
	}
}

func TestCity_KeepsItsRateWhateverTheNumberOfDevices(t *testing.T) {
	const length = 10 * time.Minute
	for _, c := range []struct {
		devices int
		rate    float64
	}{{10, 5}, {50, 20}, {400, 50}, {400, 200}, {3000, 50}} {
		s := tell(t, 3, simulator.Options{Devices: c.devices, Rate: c.rate, Length: length})
		got := float64(len(s.observations)) / length.Seconds()
		if math.Abs(got-c.rate) > .03*c.rate {
			t.Errorf("%d devices: %.2f observations/s, want %g", c.devices, got, c.rate)
		}
	}
}

func TestCity_MessagesAreInOrderAndObservationsDistinct(t *testing.T) {
	s := tell(t, 5, simulator.Options{Devices: 60, Rate: 600, Length: time.Minute})
	var last time.Duration
	type identity struct {
		device sensors.DeviceID
		kind   sensors.KindKey
		at     int64
	}
	known := make(map[identity]bool)
	for _, o := range s.observations {
		if o.Due < last {
			t.Fatalf("%s is due at %s, after one at %s", o.Device, o.Due, last)
		}
		last = o.Due
		id := identity{o.Device, o.Kind, o.Time.UnixMicro()}
		if known[id] {
			t.Fatalf("%v is published twice: it would count once", id)
		}
		known[id] = true
	}
}

// bad is what a sensible rule would act on.
var bad = map[sensors.KindKey]float64{
	"noise": 85, "pm25": 150, "bin_fill": 90, "manhole_tilt": 20, "road_water": 15, "crowd_count": 250,
}

func TestCity_TruthIsWhereTheExcessIs(t *testing.T) {
	s := tell(t, 11, simulator.Options{Devices: 400, Rate: 30, Length: 2 * time.Hour})
	if len(s.truth) < 60 {
		t.Fatalf("only %d incidents in two hours, want about 120", len(s.truth))
	}
	type spell struct {
		truth  *simulator.Incident
		excess int
	}
	spells := make(map[sensors.DeviceID][]*spell)
	for i := range s.truth {
		for _, d := range s.truth[i].Devices {
			spells[d] = append(spells[d], &spell{truth: &s.truth[i]})
		}
	}
	for _, o := range s.observations {
		limit, isMeasure := bad[o.Kind]
		var in *spell
		for _, sp := range spells[o.Device] {
			if !o.Time.Before(sp.truth.Start) && o.Time.Before(sp.truth.End) {
				in = sp
			}
		}
		if !isMeasure || o.Value < limit {
			continue
		}
		if in == nil {
			t.Fatalf("%s measures %g at %s and no incident explains it", o.Device, o.Value, o.Time)
		}
		if !slices.Contains(in.truth.Cells, square(o.Lat, o.Lon)) {
			t.Fatalf("%s shows the incident in %s, which is not among its cells %v", o.Device, square(o.Lat, o.Lon), in.truth.Cells)
		}
		in.excess++
	}
	for device, list := range spells {
		for _, sp := range list {
			long := sp.truth.End.Sub(sp.truth.Start) >= time.Minute
			if _, isMeasure := bad[sp.truth.Kind]; isMeasure && long && sp.excess == 0 {
				t.Errorf("%s is said to take part in %s from %s to %s and never shows it",
					device, sp.truth.Type, sp.truth.Start.Format(time.TimeOnly), sp.truth.End.Format(time.TimeOnly))
			}
		}
	}
}

func TestCity_EventClustersAreStrongEnoughForARule(t *testing.T) {
	s := tell(t, 12, simulator.Options{Devices: 400, Rate: 10, Length: 2 * time.Hour})
	clusters := 0
	for _, truth := range s.truth {
		if truth.Kind != "illegal_parking" && truth.Kind != "stall" || truth.End.Equal(s.city.Start().Add(2*time.Hour)) {
			continue
		}
		clusters++
		if len(truth.Cells) < 1 || len(truth.Cells) > 7 {
			t.Errorf("%s covers %d cells, want 1 to 7", truth.Type, len(truth.Cells))
		}
		perCell := make(map[string]int)
		for _, o := range s.observations {
			if o.Kind == truth.Kind && !o.Time.Before(truth.Start) && o.Time.Before(truth.End) {
				perCell[square(o.Lat, o.Lon)]++
			}
		}
		for _, cell := range truth.Cells {
			if perCell[cell] < 6 {
				t.Errorf("%s has %d events in %s, want at least 6 for a rule to fire", truth.Type, perCell[cell], cell)
			}
		}
	}
	if clusters < 10 {
		t.Errorf("only %d clusters in two hours", clusters)
	}
}

func TestCity_AnAlertIsDueWithinTwentySeconds(t *testing.T) {
	for seed := range uint64(20) {
		s := tell(t, seed, simulator.Options{Length: 25 * time.Second})
		smoke := slices.IndexFunc(s.observations, func(o seen) bool { return o.Kind == "smoke" })
		if smoke < 0 || s.observations[smoke].Due > 20*time.Second {
			t.Errorf("seed %d: no smoke alarm within 20 s", seed)
		}
		noise := slices.IndexFunc(s.truth, func(i simulator.Incident) bool { return i.Kind == "noise" })
		if noise < 0 || s.truth[noise].Start.Sub(s.city.Start()) > 20*time.Second {
			t.Errorf("seed %d: no noise burst begins within 20 s", seed)
		}
	}
}

func TestCity_WithoutIncidentsIsQuiet(t *testing.T) {
	s := tell(t, 4, simulator.Options{Length: time.Hour, IncidentsPerHour: -1})
	if len(s.truth) != 0 {
		t.Errorf("%d incidents, want none", len(s.truth))
	}
	for _, o := range s.observations {
		if limit, ok := bad[o.Kind]; ok && o.Value >= limit || o.Kind == "smoke" {
			t.Fatalf("%s publishes %g on a quiet day", o.Device, o.Value)
		}
	}
}

func TestCity_HasADailyRhythm(t *testing.T) {
	mean := func(hour int) float64 {
		start := time.Date(2026, 3, 2, hour, 0, 0, 0, time.FixedZone("", 8*3600))
		s := tell(t, 4, simulator.Options{Start: start, Length: 10 * time.Minute, IncidentsPerHour: -1})
		var sum, n float64
		for _, o := range s.observations {
			if o.Kind == "noise" {
				sum, n = sum+o.Value, n+1
			}
		}
		return sum / n
	}
	if night, evening := mean(3), mean(18); evening-night < 10 {
		t.Errorf("noise is %.1f dB at 3 and %.1f dB at 18, want a difference of at least 10", night, evening)
	}
}

func TestCity_NoiseRemembersWhatItWas(t *testing.T) {
	s := tell(t, 4, simulator.Options{Devices: 40, Rate: 40, Length: 30 * time.Minute, IncidentsPerHour: -1})
	var values []float64
	for _, o := range s.observations {
		if o.Device == "noise-0001" {
			values = append(values, o.Value)
		}
	}
	var mean, covariance, variance float64
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for i, v := range values {
		variance += (v - mean) * (v - mean)
		if i > 0 {
			covariance += (v - mean) * (values[i-1] - mean)
		}
	}
	if r := covariance / variance; r < .7 {
		t.Errorf("correlation of a value with the one before is %.2f, want at least 0.7", r)
	}
}

func TestCity_GatewaysPublishTheSameObservationsInArrays(t *testing.T) {
	opts := simulator.Options{Devices: 100, Rate: 50, Length: 2 * time.Minute}
	single := tell(t, 6, opts)
	opts.Batch = 20
	batched := tell(t, 6, opts)
	if len(batched.observations) != len(single.observations) {
		t.Fatalf("gateways publish %d observations, devices alone %d", len(batched.observations), len(single.observations))
	}
	if len(batched.messages)*5 > len(single.messages) {
		t.Errorf("%d observations come in %d messages, want far fewer", len(batched.observations), len(batched.messages))
	}
	ids := make(map[string]bool)
	var last time.Duration
	for _, o := range batched.observations {
		if o.ID == "" || ids[string(o.Device)+o.ID] {
			t.Fatalf("%s has the id %q, want one of its own", o.Device, o.ID)
		}
		ids[string(o.Device)+o.ID] = true
		if !strings.HasPrefix(string(o.Device), "gateway-") || o.Due < last {
			t.Fatalf("%s is due at %s after %s", o.Device, o.Due, last)
		}
		last = o.Due
	}
}

func TestCity_DevicesAreThoseThatPublish(t *testing.T) {
	s := tell(t, 9, simulator.Options{Devices: 50, Rate: 50, Length: 5 * time.Minute})
	known := make(map[sensors.DeviceID]simulator.Device)
	for _, d := range s.city.Devices() {
		known[d.ID] = d
	}
	if len(known) != 50 {
		t.Fatalf("%d devices, want 50", len(known))
	}
	for _, o := range s.observations {
		d, ok := known[o.Device]
		if !ok || d.Kind != o.Kind {
			t.Fatalf("%s publishes %s, the list says %+v", o.Device, o.Kind, d)
		}
		if _, isMeasure := bad[o.Kind]; isMeasure && (o.Lat != d.LatDegrees || o.Lon != d.LonDegrees) {
			t.Fatalf("%s says it is at %f, %f and is listed at %f, %f", o.Device, o.Lat, o.Lon, d.LatDegrees, d.LonDegrees)
		}
	}
}

func BenchmarkCity_Next(b *testing.B) {
	b.ReportAllocs()
	city := simulator.New(1, simulator.Options{Devices: 2000, Rate: 5000})
	for b.Loop() {
		city.Next()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "obs/s")
}

func TestIncident_IsWrittenAsTheTruthFileSays(t *testing.T) {
	s := tell(t, 1, simulator.Options{Length: 10 * time.Second})
	got, err := json.Marshal(s.truth[0])
	if err != nil {
		t.Fatal(err)
	}
	device := s.truth[0].Devices[0]
	want := fmt.Sprintf(`{"kind":"smoke","cells":[%q],"start":"2026-01-05T00:00:08Z","end":"2026-01-05T00:00:10Z","type":"smoke","devices":[%q]}`,
		s.truth[0].Cells[0], device)
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
