package profile

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/urbangrid/urbangrid/sensors"
)

//go:embed profiles/*.yaml
var shipped embed.FS

// Default returns the profiles that come with UrbanGrid.
func Default(c *sensors.Catalog) (*Set, error) {
	s, err := Read(shipped, c)
	if err != nil {
		return nil, fmt.Errorf("built-in profiles: %w", err)
	}
	return s, nil
}

// Read reads every file of fsys whose name ends in .yaml or .yml, in folders
// too. The kinds that they name are those of c. The error joins every fault of
// every file, each with the file, the profile and the line.
func Read(fsys fs.FS, c *sensors.Catalog) (*Set, error) {
	var all []*Profile
	var faults []error
	from := make(map[string]string)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || (!strings.HasSuffix(name, ".yaml") && !strings.HasSuffix(name, ".yml")) {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		profiles, bad := parseFile(text, c)
		for _, err := range bad {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
		for _, p := range profiles {
			if old, twice := from[p.key]; twice && old != name {
				faults = append(faults, fmt.Errorf("%s: profile %s is also in %s", name, p.key, old))
			}
			from[p.key] = name
		}
		all = append(all, profiles...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read profiles: %w", err)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return newSet(all), nil
}

// ReadFile reads one file of profiles, see docs/formats/profiles.md. The error
// joins every fault of the file, each with the profile and the line.
func ReadFile(r io.Reader, c *sensors.Catalog) (*Set, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read profiles: %w", err)
	}
	profiles, faults := parseFile(text, c)
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return newSet(profiles), nil
}

// What a file has.
type (
	fileDoc struct {
		Common   any           `yaml:"common"` // whatever YAML anchors stand on
		Profiles []fileProfile `yaml:"profiles"`
	}
	fileProfile struct {
		Key      string       `yaml:"key"`
		Vendor   string       `yaml:"vendor"`
		Models   []string     `yaml:"models"`
		KnownBy  []string     `yaml:"known_by"`
		Ignore   []string     `yaml:"ignore"`
		Position *filePlace   `yaml:"position"`
		History  *fileHistory `yaml:"history"`
		Fields   []fileField  `yaml:"fields"`
	}
	filePlace struct {
		Lat   string `yaml:"lat"`
		Lon   string `yaml:"lon"`
		Datum string `yaml:"datum"`
	}
	fileHistory struct {
		Path string `yaml:"path"`
		Time string `yaml:"time"`
		Unit string `yaml:"unit"`
	}
	fileField struct {
		Path     string            `yaml:"path"`
		Paths    []string          `yaml:"paths"`
		Take     string            `yaml:"take"`
		Kind     string            `yaml:"kind"`
		Health   string            `yaml:"health"`
		Unit     string            `yaml:"unit"`
		UnitPath string            `yaml:"unit_path"`
		Words    map[string]string `yaml:"words"`
		Absent   []float64         `yaml:"absent"`
		Fill     *fileFill         `yaml:"fill"`
	}
	fileFill struct {
		Empty *float64 `yaml:"empty"`
		Full  *float64 `yaml:"full"`
	}
)

// parseFile returns the profiles of a file, or everything that is wrong with it.
func parseFile(text []byte, c *sensors.Catalog) ([]*Profile, []error) {
	var doc fileDoc
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	var faults []error
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		var te *yaml.TypeError
		if !errors.As(err, &te) {
			return nil, []error{err}
		}
		for _, s := range te.Errors {
			// What follows are names of Go types.
			words, _, _ := strings.Cut(s, " in type profile.")
			words, _, _ = strings.Cut(words, " into profile.")
			faults = append(faults, errors.New(words))
		}
	}
	if len(doc.Profiles) == 0 {
		return nil, append(faults, errors.New("file has no profiles"))
	}
	lines := profileLines(text)
	var out []*Profile
	seen := make(map[string]bool)
	for i := range doc.Profiles {
		p, bad := build(&doc.Profiles[i], c)
		if seen[p.key] {
			bad = append(bad, errors.New("key is used twice"))
		}
		seen[p.key] = true
		line := 0
		if i < len(lines) {
			line = lines[i]
		}
		for _, err := range bad {
			faults = append(faults, fmt.Errorf("profile %.80q (line %d): %w", p.key, line, err))
		}
		out = append(out, p)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return out, nil
}

// profileLines returns the lines on which the profiles of a file begin.
func profileLines(text []byte) []int {
	var doc struct {
		Profiles []yaml.Node `yaml:"profiles"`
	}
	// What is wrong was already said by the typed decoding.
	_ = yaml.Unmarshal(text, &doc)
	out := make([]int, len(doc.Profiles))
	for i := range doc.Profiles {
		out[i] = doc.Profiles[i].Line
	}
	return out
}
