package replay

import (
	"fmt"
	"strings"
)

// kindColumn stands for the kind of the observation in a template.
const kindColumn = "@kind"

// template is a text with columns in it: "station-{name}".
type template struct {
	parts []templatePart
}

type templatePart struct {
	text   string
	column string // "" for a text
}

func parseTemplate(raw string) (template, error) {
	var t template
	for rest := raw; rest != ""; {
		open := strings.IndexAny(rest, "{}")
		if open < 0 {
			t.parts = append(t.parts, templatePart{text: rest})
			break
		}
		end := strings.IndexAny(rest[open+1:], "{}")
		if rest[open] == '}' || end < 0 || rest[open+1+end] == '{' || end == 0 {
			return template{}, fmt.Errorf("%q has a brace without its partner: columns are written {name}", raw)
		}
		if open > 0 {
			t.parts = append(t.parts, templatePart{text: rest[:open]})
		}
		t.parts = append(t.parts, templatePart{column: rest[open+1 : open+1+end]})
		rest = rest[open+end+2:]
	}
	return t, nil
}

func (t template) empty() bool { return len(t.parts) == 0 }

func (t template) columns() []string {
	var out []string
	for _, p := range t.parts {
		if p.column != "" {
			out = append(out, p.column)
		}
	}
	return out
}

func (t template) uses(column string) bool {
	for _, p := range t.parts {
		if p.column == column {
			return true
		}
	}
	return false
}

// fill returns the text for a row, and false when a column of it is missing.
func (t template) fill(lookup func(column string) (string, bool)) (string, bool) {
	if len(t.parts) == 1 && t.parts[0].column == "" {
		return t.parts[0].text, true
	}
	var b strings.Builder
	for _, p := range t.parts {
		if p.column == "" {
			b.WriteString(p.text)
			continue
		}
		v, ok := lookup(p.column)
		if !ok {
			return "", false
		}
		b.WriteString(v)
	}
	return b.String(), true
}
