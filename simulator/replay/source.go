package replay

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// source knows on which line of a mapping file each field stands, and collects
// what is wrong with it.
type source struct {
	lines map[string]int // by path, e.g. "observations[1].value.column"
	found []lineFault
}

type lineFault struct {
	line int
	text string
}

// decode reads data into f. Faults of form are collected in the source, so that
// they are reported together with those of meaning; an error means that data is
// not YAML at all.
func decode(data []byte, f *file) (*source, error) {
	s := &source{lines: make(map[string]int)}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, fmt.Errorf("mapping is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(root.Content) > 0 {
		s.index("", root.Content[0])
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	err := dec.Decode(f)
	var typeErr *yaml.TypeError
	switch {
	case errors.As(err, &typeErr):
		for _, text := range typeErr.Errors {
			s.found = append(s.found, readTypeError(text))
		}
	case err != nil && !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("mapping is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return s, nil
}

func (s *source) index(path string, n *yaml.Node) {
	s.lines[path] = n.Line
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			child := n.Content[i].Value
			if path != "" {
				child = path + "." + child
			}
			s.index(child, n.Content[i+1])
			s.lines[child] = n.Content[i].Line
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			s.index(fmt.Sprintf("%s[%d]", path, i), item)
		}
	}
}

// fault notes what is wrong with the field at path. A field that is not there
// stands where its nearest parent does.
func (s *source) fault(path, text string) {
	s.found = append(s.found, lineFault{s.lineOf(path), path + ": " + text})
}

func (s *source) lineOf(path string) int {
	for {
		if line, ok := s.lines[path]; ok {
			return line
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return max(1, s.lines[""])
		}
		path = path[:cut]
	}
}

func (s *source) faults() error {
	slices.SortStableFunc(s.found, func(a, b lineFault) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.text, b.text))
	})
	errs := make([]error, len(s.found))
	for i, f := range s.found {
		errs[i] = fmt.Errorf("line %d: %s", f.line, f.text)
	}
	return errors.Join(errs...)
}

var (
	typeErrorForm    = regexp.MustCompile(`^line (\d+): (.*)$`)
	unknownFieldForm = regexp.MustCompile(`^field (.+) not found in type .+$`)
	wrongTypeForm    = regexp.MustCompile("^cannot unmarshal !!(\\w+)(?: `(.*)`)? into (.+)$")
)

// readTypeError puts the words of the YAML library, which speak of Go types,
// into those of the file.
func readTypeError(text string) lineFault {
	m := typeErrorForm.FindStringSubmatch(text)
	if m == nil {
		return lineFault{1, text}
	}
	line, _ := strconv.Atoi(m[1]) // digits by the expression
	if u := unknownFieldForm.FindStringSubmatch(m[2]); u != nil {
		return lineFault{line, u[1] + ": is not a field of a mapping at this place"}
	}
	if w := wrongTypeForm.FindStringSubmatch(m[2]); w != nil {
		return lineFault{line, fmt.Sprintf("%s %q is not %s", yamlWord(w[1]), w[2], wanted(w[3]))}
	}
	return lineFault{line, m[2]}
}

func yamlWord(tag string) string {
	switch tag {
	case "seq":
		return "list"
	case "map":
		return "block"
	}
	return "value"
}

func wanted(goType string) string {
	switch {
	case strings.Contains(goType, "float"):
		return "a number"
	case goType == "string":
		return "a text"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	}
	return "a block of fields"
}
