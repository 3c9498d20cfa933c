package profile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/urbangrid/urbangrid/sensors/codec/tree"
)

// maxPathBytes keeps the ids of observations, which end in a path, within
// [sensors.MaxIDBytes].
const maxPathBytes = 64

// path names values within a value: field names with dots between them, an
// element of an array as [0], all of them as [*], a name with other characters
// as ["a.b"]. "data[*].value" is one.
type path struct {
	text  string
	steps []step
	many  bool // has a [*]
}

// step is a field, or an element when name is "".
type step struct {
	name  string
	index int // or everyElement
}

const everyElement = -1

func parsePath(text string) (path, error) {
	p := path{text: text}
	if text == "" || len(text) > maxPathBytes {
		return p, fmt.Errorf("path %.80q is not of 1 to %d bytes", text, maxPathBytes)
	}
	rest := text
	for rest != "" {
		s, n := nextStep(rest, len(p.steps) == 0)
		if n == 0 {
			return p, fmt.Errorf("path %q is not like a.b, a[0].b, a[*].b or [\"a b\"]", text)
		}
		p.steps = append(p.steps, s)
		p.many = p.many || s == step{index: everyElement}
		rest = rest[n:]
	}
	return p, nil
}

// nextStep reads the step that text begins with and returns its length, 0 when
// it is none.
func nextStep(text string, first bool) (step, int) {
	if text[0] == '[' {
		end := strings.IndexByte(text, ']')
		if strings.HasPrefix(text, `["`) {
			end = strings.Index(text, `"]`) + 1
		}
		if end < 2 {
			return step{}, 0
		}
		s, ok := bracket(text[1:end])
		if !ok {
			return step{}, 0
		}
		return s, end + 1
	}
	from := 0
	if !first {
		if text[0] != '.' {
			return step{}, 0
		}
		from = 1
	}
	end := strings.IndexAny(text[from:], ".[")
	if end < 0 {
		end = len(text) - from
	}
	name := text[from : from+end]
	if name == "" || strings.ContainsAny(name, `]"`) {
		return step{}, 0
	}
	return step{name: name}, from + end
}

func bracket(inside string) (step, bool) {
	if inside == "*" {
		return step{index: everyElement}, true
	}
	if len(inside) > 2 && inside[0] == '"' && inside[len(inside)-1] == '"' {
		return step{name: inside[1 : len(inside)-1]}, true
	}
	n, err := strconv.ParseUint(inside, 10, 16)
	return step{index: int(n)}, err == nil
}

// first returns the first value that p names in v.
func (p path) first(v tree.Value) tree.Value {
	for _, s := range p.steps {
		if s.name != "" {
			v = v.Field(s.name)
		} else {
			v = v.Element(max(s.index, 0))
		}
		if !v.Given() {
			return v
		}
	}
	return v
}

// each gives every value that p names in v, in the order of the text, with the
// path to it: p with numbers in place of [*].
func (p path) each(v tree.Value, yield func(at string, v tree.Value) bool) {
	if !p.many {
		if v = p.first(v); v.Given() {
			yield(p.text, v)
		}
		return
	}
	walk(v, p.steps, "", yield)
}

func walk(v tree.Value, steps []step, at string, yield func(string, tree.Value) bool) bool {
	for i, s := range steps {
		switch {
		case s.name != "":
			v = v.Field(s.name)
			if at != "" {
				at += "."
			}
			at += s.name
		case s.index == everyElement:
			for n, e := range v.Elements() {
				if !walk(e, steps[i+1:], at+"["+strconv.Itoa(n)+"]", yield) {
					return false
				}
			}
			return true
		default:
			v = v.Element(s.index)
			at += "[" + strconv.Itoa(s.index) + "]"
		}
		if !v.Given() {
			return true
		}
	}
	return yield(at, v)
}
