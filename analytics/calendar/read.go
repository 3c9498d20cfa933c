package calendar

import (
	"bytes"
	"cmp"
	_ "embed" // china.yaml
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/urbangrid/urbangrid/sensors"
)

//go:embed china.yaml
var china []byte

// maxHolidayDays is longer than any holiday was: a longer one is a slip.
const maxHolidayDays = 16

// schedule is one year of a file.
type schedule struct {
	Year      int         `yaml:"year"`
	Notice    string      `yaml:"notice"`    // that made it known
	Published string      `yaml:"published"` // when
	Holidays  []period    `yaml:"holidays"`
	Workdays  []yaml.Node `yaml:"workdays"`

	days map[date]entry
}

// period is a holiday from its first to its last day.
type period struct {
	ZH   string `yaml:"zh"`
	EN   string `yaml:"en"`
	From string `yaml:"from"`
	To   string `yaml:"to"`
}

func byYear(s schedule, year int) int { return cmp.Compare(s.Year, year) }

// China returns the calendar that ships with the program, with its days in zone,
// nil for UTC: the holidays of 2024, 2025 and 2026.
func China(zone *time.Location) (*Calendar, error) {
	c, err := Read(bytes.NewReader(china))
	if err != nil {
		return nil, err
	}
	return c.In(zone), nil
}

// Read reads a calendar in the form of china.yaml, with its days in UTC. The
// error names every fault.
func Read(r io.Reader) (*Calendar, error) {
	return new(Calendar).With(r)
}

// With returns the calendar with the years of a file in the form of china.yaml
// added, in place of those that it knew of these years. The error names every
// fault.
func (c *Calendar) With(r io.Reader) (*Calendar, error) {
	var file struct {
		Years []schedule `yaml:"years"`
	}
	dec := yaml.NewDecoder(r)
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read calendar: %w", err)
	}
	years := slices.Clone(c.years)
	named := map[int]bool{}
	var faults []error
	for _, s := range file.Years {
		if named[s.Year] {
			faults = append(faults, fmt.Errorf("year %d is there twice", s.Year))
		}
		named[s.Year] = true
		for _, err := range s.read() {
			faults = append(faults, fmt.Errorf("year %d: %w", s.Year, err))
		}
		at, found := slices.BinarySearchFunc(years, s.Year, byYear)
		if found {
			years[at] = s
		} else {
			years = slices.Insert(years, at, s)
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("read calendar: %w", errors.Join(faults...))
	}
	out := &Calendar{zone: c.zone, years: years, days: map[date]entry{}}
	for _, s := range years {
		for d, e := range s.days {
			out.days[d] = e
		}
	}
	return out, nil
}

// read fills in the days and returns what is wrong with them.
func (s *schedule) read() (faults []error) {
	s.days = map[date]entry{}
	if s.Year < 1949 || s.Year > 9999 {
		faults = append(faults, errors.New("it is no year of this calendar"))
	}
	for _, h := range s.Holidays {
		if err := s.readHoliday(h); err != nil {
			faults = append(faults, fmt.Errorf("holiday %q: %w", h.ZH, err))
		}
	}
	for _, node := range s.Workdays {
		day, err := s.parse(node.Value)
		switch {
		case err != nil:
		case day.Weekday() != time.Saturday && day.Weekday() != time.Sunday:
			err = errors.New("it is worked as always: not at a weekend")
		default:
			err = s.enter(day, entry{kind: Adjusted})
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("working day %q: %w", node.Value, err))
		}
	}
	return faults
}

func (s *schedule) readHoliday(h period) error {
	if h.ZH == "" || h.EN == "" {
		return errors.New("it needs names, zh and en")
	}
	from, err := s.parse(h.From)
	if err != nil {
		return err
	}
	to, err := s.parse(h.To)
	if err != nil {
		return err
	}
	if to.Before(from) || to.Sub(from) >= maxHolidayDays*24*time.Hour {
		return fmt.Errorf("from %s to %s is not 1 to %d days", h.From, h.To, maxHolidayDays)
	}
	for day := from; !day.After(to); day = day.AddDate(0, 0, 1) {
		if err := s.enter(day, entry{kind: Holiday, names: sensors.Names{ZH: h.ZH, EN: h.EN}}); err != nil {
			return err
		}
	}
	return nil
}

// parse reads a date. Holidays at the turn of a year may begin or end in the
// year beside it.
func (s *schedule) parse(text string) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return day, fmt.Errorf("%q is no date such as 2026-10-01", text)
	}
	first := time.Date(s.Year-1, time.December, 1, 0, 0, 0, 0, time.UTC)
	last := time.Date(s.Year+1, time.January, 31, 0, 0, 0, 0, time.UTC)
	if day.Before(first) || day.After(last) {
		return day, fmt.Errorf("%s does not belong to this year", text)
	}
	return day, nil
}

func (s *schedule) enter(day time.Time, e entry) error {
	d := date{day.Year(), day.Month(), day.Day()}
	if _, ok := s.days[d]; ok {
		return fmt.Errorf("%s is there twice", day.Format(time.DateOnly))
	}
	s.days[d] = e
	return nil
}
