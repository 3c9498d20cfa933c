package analytics_test

import (
	"fmt"
	"hash/fnv"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// A scenario is a story of the city that a person can read, in a file of
// testdata/*.txtar. Its lines are these; what follows a # is for the reader.
//
//	start 2026-03-02            midnight in Shanghai at which it begins
//	place market 8a30995b38d7fff
//	load 5m                     series of steps of 5 minutes, all from the start on
//	load 5m from 2d             the same, from two days after the start on
//	load 5m from 2d late 25h    the same, received 25 hours after it was measured
//	load 10s from 2d exactly    events come at the beginning of the step, not somewhere in it
//	  noise{device="n1" cell="market"}   48x12 72~3x24 _x6 (48+1x10 58x2)x3
//	register n1 every 10m       what people registered: it is never silent for longer
//	maintenance n1 from 2d to 3d
//	mute parking_cluster from 2d to 3d   nobody is to be notified of alerts of that rule
//	gone n1 at 2d               its connection is said to be lost
//	online n1 at 2d1h           and to be there; also a sign of life
//	dark from 2d to 2d4h        nothing at all is received
//	restart at 2d
//	eval at 3d alerts           those that changed since the last eval, and those that are open
//	  none
//	eval at 4d alerts
//	  open city noise_unusual device/n1
//	  open city parking_cluster hotspot/market muted
//
// A hotspot is named after the place of its peak; one of the whole area is
// hotspot/district. After it stands what else there is to say of an alert: that it is
// muted, flapping, or merged into another.
//
// A series is made of stretches. 48x12 is twelve steps of 48; 72~3x24 is 24 steps
// between 69 and 75; 48+1x10 is ten steps, each 1 more than the one before; _x6 is six
// steps of nothing; a group in brackets is repeated. Of a measure a step is one
// reading, of events it is how many there are. Somebody is heard of every minute.
type scenario struct {
	start    time.Time
	places   map[string]grid.Cell
	readings []grid.Placed
	interval map[sensors.DeviceID]time.Duration
	mutes    []store.Mute
	health   []sensors.Health
	dark     [][2]time.Time
	restarts []time.Time
	evals    []evaluation
}

// evaluation is what is to be the case at a time.
type evaluation struct {
	line int
	at   time.Time
	want []string
}

var shanghai = time.FixedZone("CST", 8*3600)

func readScenario(t *testing.T, path string) *scenario {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &scenario{places: map[string]grid.Cell{"": caoyang}, interval: make(map[sensors.DeviceID]time.Duration)}
	var block []string // the words of the line that the indented ones belong to
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if line[0] != ' ' {
			block = words
			err = s.statement(words, i+1)
		} else {
			err = s.within(t, block, strings.TrimSpace(line))
		}
		if err != nil {
			t.Fatalf("%s, line %d: %v", path, i+1, err)
		}
	}
	slices.SortStableFunc(s.readings, func(a, b grid.Placed) int { return a.Received.Compare(b.Received) })
	return s
}

// statement reads a line that stands at the margin.
func (s *scenario) statement(w []string, line int) (err error) {
	switch w[0] {
	case "start":
		s.start, err = time.ParseInLocation("2006-01-02", w[1], shanghai)
		s.start = s.start.UTC()
	case "place":
		s.places[w[1]], err = grid.ParseCell(w[2])
	case "register":
		s.interval[sensors.DeviceID(w[1])], err = span(w[3])
	case "maintenance":
		s.mutes = append(s.mutes, store.Mute{ID: "m" + strconv.Itoa(line), Purpose: store.Maintenance,
			Device: sensors.DeviceID(w[1]), From: s.after(w[3]), To: s.after(w[5])})
	case "mute":
		s.mutes = append(s.mutes, store.Mute{ID: "m" + strconv.Itoa(line), Purpose: store.MuteAlerts,
			Rule: w[1], From: s.after(w[3]), To: s.after(w[5])})
	case "gone":
		s.health = append(s.health, sensors.Health{Device: sensors.DeviceID(w[1]), At: s.after(w[3]), Presence: sensors.Offline})
	case "online":
		s.health = append(s.health, sensors.Health{Device: sensors.DeviceID(w[1]), At: s.after(w[3]), Presence: sensors.Online})
	case "dark":
		s.dark = append(s.dark, [2]time.Time{s.after(w[2]), s.after(w[4])})
	case "restart":
		s.restarts = append(s.restarts, s.after(w[2]))
	case "eval":
		s.evals = append(s.evals, evaluation{line: line, at: s.after(w[2])})
	case "load":
	default:
		err = fmt.Errorf("%q begins no line", w[0])
	}
	return err
}

// after returns the time that long after the start; it is zero when that is none.
func (s *scenario) after(text string) time.Time {
	d, err := span(text)
	if err != nil {
		return time.Time{}
	}
	return s.start.Add(d)
}

var spans = regexp.MustCompile(`(\d+)(w|d|h|m|s)`)

// span reads a duration such as 2w3d or 1h30m.
func span(text string) (total time.Duration, err error) {
	units := map[string]time.Duration{"w": 7 * 24 * time.Hour, "d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second}
	if spans.ReplaceAllString(text, "") != "" {
		return 0, fmt.Errorf("%q is no time such as 2w3d or 1h30m", text)
	}
	for _, m := range spans.FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, err
		}
		total += time.Duration(n) * units[m[2]]
	}
	return total, nil
}

// within reads a line that belongs to a block.
func (s *scenario) within(t *testing.T, block []string, line string) error {
	switch block[0] {
	case "eval":
		e := &s.evals[len(s.evals)-1]
		if line != "none" {
			e.want = append(e.want, strings.Join(strings.Fields(line), " "))
		}
		return nil
	case "load":
		return s.series(t, block, line)
	}
	return fmt.Errorf("%q has no lines of its own", block[0])
}

var seriesLine = regexp.MustCompile(`^(\w+)\{([^}]*)\}\s+(.*)$`)

// series reads a series of a load block.
func (s *scenario) series(t *testing.T, block []string, line string) error {
	m := seriesLine.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("%q is no series", line)
	}
	step, err := span(block[1])
	if err != nil {
		return err
	}
	from, late, exactly := time.Duration(0), time.Duration(0), slices.Contains(block, "exactly")
	for i, w := range block {
		switch w {
		case "from":
			from, err = span(block[i+1])
		case "late":
			late, err = span(block[i+1])
		}
		if err != nil {
			return err
		}
	}
	device, cell := attribute(m[2], "device"), attribute(m[2], "cell")
	place, known := s.places[cell]
	if !known {
		return fmt.Errorf("there is no place %q", cell)
	}
	kind, known := mustCatalog(t).Kind(sensors.KindKey(m[1]))
	if !known {
		return fmt.Errorf("there is no kind %q", m[1])
	}
	values, err := stretches(m[3])
	if err != nil {
		return err
	}
	for i, v := range values {
		if v.none {
			continue
		}
		begin := s.start.Add(from + time.Duration(i)*step)
		for _, o := range v.observations(kind, device, begin, step, exactly) {
			o.Cell, o.Received = place, o.At.Add(late)
			s.readings = append(s.readings, o)
		}
	}
	return nil
}

func attribute(list, name string) string {
	m := regexp.MustCompile(name + `="([^"]*)"`).FindStringSubmatch(list)
	if m == nil {
		return ""
	}
	return m[1]
}

// stepValue is one step of a series.
type stepValue struct {
	none         bool
	value, width float64
}

// observations are what a step comes to.
func (v stepValue) observations(kind sensors.Kind, device string, begin time.Time, step time.Duration, exactly bool) []grid.Placed {
	if kind.Type == sensors.Measure {
		value := v.value + v.width*(2*chance(device, begin, 0)-1)
		return []grid.Placed{seen(sensors.DeviceID(device), kind.Key, float64(int(value*10+0.5))/10, begin)}
	}
	n := int(v.value + v.width*(2*chance(device, begin, 0)-1) + 0.5)
	var all []grid.Placed
	for i := range n {
		at := begin
		if !exactly {
			at = begin.Add(time.Duration(chance(device, begin, i+1) * float64(step))).Truncate(time.Microsecond)
		}
		all = append(all, seen(sensors.DeviceID(device), kind.Key, 1, at))
	}
	return all
}

// chance is a number from 0 to 1 that is always the same for the same arguments.
func chance(device string, at time.Time, n int) float64 {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, n, device, at.Unix()) // a hash takes everything
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}

var stretch = regexp.MustCompile(`^(_|-?[\d.]+)(?:\+(-?[\d.]+))?(?:~([\d.]+))?(?:x(\d+))?$`)

// stretches reads the values of a series.
func stretches(text string) ([]stepValue, error) {
	var out []stepValue
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		if text[0] == '(' {
			end := closing(text)
			if end < 0 {
				return nil, fmt.Errorf("%q is not closed", text)
			}
			group, err := stretches(text[1:end])
			if err != nil {
				return nil, err
			}
			times, rest, _ := strings.Cut(text[end+1:], " ")
			n := 1
			if times != "" {
				if n, err = strconv.Atoi(strings.TrimPrefix(times, "x")); err != nil {
					return nil, err
				}
			}
			for range n {
				out = append(out, group...)
			}
			text = rest
			continue
		}
		word, rest, _ := strings.Cut(text, " ")
		m := stretch.FindStringSubmatch(word)
		if m == nil {
			return nil, fmt.Errorf("%q is no stretch", word)
		}
		v, by, n := stepValue{none: m[1] == "_", value: orNothing(m[1]), width: orNothing(m[3])}, orNothing(m[2]), 1
		if m[4] != "" {
			n = int(orNothing(m[4]))
		}
		for range n {
			out = append(out, v)
			v.value += by
		}
		text = rest
	}
	return out, nil
}

// closing returns where the bracket closes that a text begins with.
func closing(text string) int {
	depth := 0
	for i, c := range text {
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func orNothing(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return v
}
