package profile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urbangrid/urbangrid/sensors/codec/tree"
)

// Set is a collection of profiles. It never changes after it was made and is
// safe for concurrent use.
type Set struct {
	profiles []*Profile
	byKey    map[string]*Profile
	// byModel has the letters and digits of each model, and of vendor and model;
	// nil where two profiles claim the same model.
	byModel map[string]*Profile
}

// Hint is what is known of a device besides its object. What is not known is "".
type Hint struct {
	// Key is that of the device register. It may state where a container is empty
	// and full, in the unit of the profile's distance: "milesight-em400-mud.empty-1850.full-200".
	Key string
	// Vendor and Model are those of the network server's device repository.
	Vendor, Model string
	// Name is the network server's name for the type of device: any text that
	// contains a model, e.g. "Milesight EM310-TILT (EU868)".
	Name string
}

// Use is a profile as it is for one device. The zero Use is none.
type Use struct {
	profile *Profile
	fill    fill
}

// Profile returns the profile, nil for the zero Use.
func (u Use) Profile() *Profile { return u.profile }

// All returns the profiles by key.
func (s *Set) All() []*Profile {
	out := slices.Clone(s.profiles)
	slices.SortFunc(out, func(a, b *Profile) int { return strings.Compare(a.key, b.key) })
	return out
}

// Extend returns a set in which the profiles of other are added to those of s.
// Where both have a key or a model, that of other counts.
func (s *Set) Extend(other *Set) *Set {
	var kept []*Profile
	for _, p := range s.profiles {
		if other.byKey[p.key] == nil {
			kept = append(kept, p)
		}
	}
	out := newSet(slices.Concat(other.profiles, kept))
	for name, p := range other.byModel {
		out.byModel[name] = p
	}
	return out
}

func newSet(profiles []*Profile) *Set {
	s := &Set{
		profiles: profiles,
		byKey:    make(map[string]*Profile, len(profiles)),
		byModel:  make(map[string]*Profile),
	}
	for _, p := range profiles {
		s.byKey[p.key] = p
		for _, m := range p.models {
			for _, name := range []string{letters(m), letters(p.vendor) + letters(m)} {
				if old, claimed := s.byModel[name]; claimed && old != p {
					s.byModel[name] = nil
				} else {
					s.byModel[name] = p
				}
			}
		}
	}
	return s
}

// Match returns the profile for a device: the one of the register's key; else
// the one whose model the network server names, the longest name counting; else
// the one that has all fields of object by which it is known, the one with most
// of them counting. The error says in words why there is none. A key of the
// register that is not known is an error and not passed over.
func (s *Set) Match(h Hint, object tree.Value) (Use, error) {
	if h.Key != "" {
		return s.keyed(h.Key)
	}
	if h.Model != "" {
		if p := s.named(h.Vendor + " " + h.Model); p != nil {
			return Use{profile: p}, nil
		}
	}
	if p := s.named(h.Name); p != nil {
		return Use{profile: p}, nil
	}
	p, err := s.shaped(object)
	if err != nil {
		return Use{}, err
	}
	if p == nil {
		name := strings.TrimSpace(h.Vendor + " " + h.Model + " " + h.Name)
		if name == "" {
			return Use{}, fmt.Errorf("no profile is known by the fields %s", fieldNames(object))
		}
		return Use{}, fmt.Errorf("no profile is for %.80q or known by the fields %s", name, fieldNames(object))
	}
	return Use{profile: p}, nil
}

// Check reports why the key of a register cannot be used, nil when it can.
func (s *Set) Check(key string) error {
	_, err := s.keyed(key)
	return err
}

// keyed reads a key of the register: that of a profile, then ".empty-" and
// ".full-" with whole numbers. It is what a register accepts as a name.
func (s *Set) keyed(text string) (Use, error) {
	key, rest, stated := strings.Cut(text, ".")
	p := s.byKey[key]
	if p == nil {
		return Use{}, fmt.Errorf("the register's profile %.80q is not known", key)
	}
	u := Use{profile: p}
	for stated {
		var part string
		part, rest, stated = strings.Cut(rest, ".")
		name, number, _ := strings.Cut(part, "-")
		v, err := strconv.ParseUint(number, 10, 32)
		switch {
		case err != nil:
			return Use{}, fmt.Errorf("the register's profile %.80q: %.40q is not like empty-1850 or full-200", text, part)
		case name == "empty":
			u.fill.empty, u.fill.known = float64(v), true
		case name == "full":
			u.fill.full = float64(v)
		default:
			return Use{}, fmt.Errorf("the register's profile %.80q: %.40q is neither empty nor full", text, name)
		}
	}
	if u.fill != (fill{}) && (!u.fill.known || u.fill.empty == u.fill.full) {
		return Use{}, fmt.Errorf("the register's profile %.80q: empty is missing or the same as full", text)
	}
	return u, nil
}

const (
	maxNameBytes = 128 // of a name in which a model is looked for
	maxNameWords = 16
)

// named finds the profile with the longest model among the words of name.
func (s *Set) named(name string) *Profile {
	var room [maxNameBytes]byte
	var starts [maxNameWords + 1]int
	text, words := room[:0], 0
	inWord := false
	for i := 0; i < len(name) && len(text) < maxNameBytes; i++ {
		c := lower(name[i])
		if !isLetter(c) {
			inWord = false
			continue
		}
		if !inWord {
			if words == maxNameWords {
				break
			}
			starts[words] = len(text)
			words++
			inWord = true
		}
		text = append(text, c)
	}
	starts[words] = len(text)
	var best *Profile
	longest := 0
	for from := range words {
		for to := from + 1; to <= words; to++ {
			n := starts[to] - starts[from]
			if n < longest {
				continue
			}
			p, known := s.byModel[string(text[starts[from]:starts[to]])]
			switch {
			case !known:
			case n > longest:
				best, longest = p, n
			case p != best:
				best = nil // two models of the same length
			}
		}
	}
	return best
}

// shaped finds the profile that is known by fields of object.
func (s *Set) shaped(object tree.Value) (*Profile, error) {
	var best, tied *Profile
	for _, p := range s.profiles {
		if len(p.knownBy) == 0 || (best != nil && len(p.knownBy) < len(best.knownBy)) || !p.shapes(object) {
			continue
		}
		if best != nil && len(p.knownBy) == len(best.knownBy) {
			tied = p
			continue
		}
		best, tied = p, nil
	}
	if tied != nil {
		return nil, fmt.Errorf("the fields are those of %s and of %s", best.key, tied.key)
	}
	return best, nil
}

func (p *Profile) shapes(object tree.Value) bool {
	for _, path := range p.knownBy {
		if !path.first(object).Given() {
			return false
		}
	}
	return true
}

// fieldNames lists what an object has, for a person who is to choose a profile.
func fieldNames(object tree.Value) string {
	var b strings.Builder
	n := 0
	for name := range object.Fields() {
		if n == 12 {
			b.WriteString(", …")
			break
		}
		if n > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%.40q", name)
		n++
	}
	return b.String()
}

// letters returns the letters and digits of a name in lower case.
func letters(name string) string {
	out := make([]byte, 0, len(name))
	for i := range len(name) {
		if c := lower(name[i]); isLetter(c) {
			out = append(out, c)
		}
	}
	return string(out)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// isLetter is true of digits, and of every byte beyond ASCII, so that models
// with Chinese names work.
func isLetter(c byte) bool {
	return ('a' <= c && c <= 'z') || ('0' <= c && c <= '9') || c >= 0x80
}
