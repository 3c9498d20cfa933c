package profile

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

var keyPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// builder turns an entry of a file into a profile and collects its faults.
type builder struct {
	catalog *sensors.Catalog
	faults  []error
	where   string // within the profile
}

func (b *builder) bad(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if b.where != "" {
		err = fmt.Errorf("%s: %w", b.where, err)
	}
	b.faults = append(b.faults, err)
}

func (b *builder) path(text string) path {
	p, err := parsePath(text)
	if err != nil {
		b.bad("%w", err)
	}
	return p
}

func build(f *fileProfile, c *sensors.Catalog) (*Profile, []error) {
	b := &builder{catalog: c}
	p := &Profile{key: f.Key, vendor: f.Vendor, models: f.Models, ignore: f.Ignore}
	if !keyPattern.MatchString(f.Key) {
		b.bad("key %.80q is not 1 to 40 of a-z, 0-9, '_' and '-'", f.Key)
	}
	for _, m := range f.Models {
		if letters(m) == "" {
			b.bad("model %.40q has no letters", m)
		}
	}
	for _, text := range f.KnownBy {
		p.knownBy = append(p.knownBy, b.path(text))
	}
	if f.Position != nil {
		p.place = b.place(f.Position)
	}
	if f.History != nil {
		p.history = b.history(f.History)
	}
	for i := range f.Fields {
		b.where = fmt.Sprintf("field number %d", i+1)
		p.fields = append(p.fields, b.field(&f.Fields[i]))
	}
	b.where = ""
	if len(f.Fields) == 0 && p.place == nil {
		b.bad("has no fields")
	}
	b.suffixes(p)
	return p, b.faults
}

func (b *builder) place(f *filePlace) *place {
	b.where = "position"
	defer func() { b.where = "" }()
	datum, err := sensors.ParseDatum(f.Datum)
	if err != nil {
		b.bad("%w", err)
	}
	return &place{lat: b.path(f.Lat), lon: b.path(f.Lon), datum: datum}
}

func (b *builder) history(f *fileHistory) *history {
	b.where = "history"
	defer func() { b.where = "" }()
	h := &history{path: b.path(f.Path), time: b.path(f.Time)}
	switch f.Unit {
	case "s", "":
		h.unit = time.Second
	case "ms":
		h.unit = time.Millisecond
	default:
		b.bad("unit %.40q is neither s nor ms", f.Unit)
	}
	return h
}

func (b *builder) field(f *fileField) field {
	out := field{unit: f.Unit, absent: f.Absent}
	paths := f.Paths
	if f.Path != "" {
		paths = append([]string{f.Path}, paths...)
	}
	if len(paths) == 0 {
		b.bad("has no path")
	}
	for _, text := range paths {
		out.paths = append(out.paths, b.path(text))
	}
	if len(paths) > 0 {
		b.where = fmt.Sprintf("field %.80s", paths[0])
		if len(paths) > 1 && slices.ContainsFunc(out.paths, func(p path) bool { return p.many }) {
			b.bad("one of several paths cannot have [*]")
		}
	}
	switch f.Take {
	case "", "first":
	case "max":
		out.take = takeMax
	case "max_abs":
		out.take = takeMaxAbs
	default:
		b.bad("take %.40q is none of first, max, max_abs", f.Take)
	}
	b.target(f, &out)
	b.words(f, &out)
	if f.UnitPath != "" {
		p := b.path(f.UnitPath)
		out.unitPath = &p
	}
	b.units(f, &out)
	return out
}

// target says what the field is about, and so in which unit it ends.
func (b *builder) target(f *fileField, out *field) {
	switch {
	case (f.Kind == "") == (f.Health == ""):
		b.bad("needs either kind or health")
	case f.Kind != "":
		kind, known := b.catalog.Kind(sensors.KindKey(f.Kind))
		if !known {
			b.bad("kind %.80q is not in the catalogue", f.Kind)
		}
		out.kind, out.toUnit = kind, kind.Unit
	case f.Health == "battery":
		out.target, out.toUnit = toBattery, "%"
	case f.Health == "signal":
		out.target, out.toUnit = toSignal, "dB[mW]"
	case f.Health == "note":
		out.target = toNote
	default:
		b.bad("health %.40q is none of battery, signal, note", f.Health)
	}
}

func (b *builder) words(f *fileField, out *field) {
	for word, means := range f.Words {
		m := meaning{}
		switch means {
		case "ignore":
			m.does = isNothing
		case "health":
			m.does = isHealth
		default:
			v, err := strconv.ParseFloat(means, 64)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || out.target == toNote {
				b.bad("word %.80q means %.40q, which is no number, ignore or health", word, means)
			}
			m.value = v
		}
		word = strings.ToLower(strings.TrimSpace(word))
		if begin, more := strings.CutSuffix(word, "*"); more {
			out.prefixes = append(out.prefixes, prefix{begin, m})
			continue
		}
		if out.words == nil {
			out.words = make(map[string]meaning)
		}
		out.words[word] = m
	}
	// The longest one counts, in whatever order the file has them.
	slices.SortFunc(out.prefixes, func(a, b prefix) int {
		if len(a.word) != len(b.word) {
			return len(b.word) - len(a.word)
		}
		return strings.Compare(a.word, b.word)
	})
}

// units checks that what the field says can become what it is to be.
func (b *builder) units(f *fileField, out *field) {
	if out.target == toNote {
		return
	}
	wordy := len(out.words) > 0 || len(out.prefixes) > 0
	if out.unit == "" && wordy {
		out.unit = out.toUnit // numbers among the words are as they are
	}
	if out.unit == "" && out.toUnit == "1" {
		out.unit = "1"
	}
	if out.unit == "" && out.toUnit != "" {
		b.bad("unit is missing")
		return
	}
	if f.Fill == nil {
		if out.toUnit == "" {
			return // the kind is not known, which was said
		}
		if _, err := convert(1, out.unit, out.toUnit, out.kind.Key); err != nil {
			b.bad("%w", err)
		}
		return
	}
	b.fill(f.Fill, out)
}

func (b *builder) fill(f *fileFill, out *field) {
	out.fill = &fill{}
	if out.toUnit != "%" {
		b.bad("fill makes %%, and the kind has %s", out.toUnit)
	}
	if !sensors.KnownUnit(out.unit) {
		b.bad("unit %.40q is not known", out.unit)
	}
	if f.Full != nil {
		out.fill.full = *f.Full
	}
	if f.Empty != nil {
		out.fill.empty, out.fill.known = *f.Empty, true
	}
	switch {
	case out.fill.known && out.fill.empty == out.fill.full:
		b.bad("fill has empty and full at %v", out.fill.full)
	case !out.fill.known && out.target != toKind:
		b.bad("fill has no empty")
	}
}

// suffixes gives each field the name that its observations' ids end in: its
// path, and its kind too where an earlier field has the same path.
func (b *builder) suffixes(p *Profile) {
	names := make(map[string]bool)
	for i := range p.fields {
		f := &p.fields[i]
		if len(f.paths) == 0 {
			continue
		}
		f.suffix = f.paths[0].text
		if f.target != toKind {
			continue
		}
		both := f.suffix + "#" + string(f.kind.Key)
		if names[both] {
			b.faults = append(b.faults, errors.New("path "+f.suffix+" is twice the same kind"))
		}
		if names[f.suffix] {
			f.suffix = both
		}
		names[f.paths[0].text], names[both] = true, true
	}
}
