package jsonmap

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/urbangrid/urbangrid/sensors/codec/tree"
)

// Paths are places of a value, of which the first that is there counts. In a
// file they are one text or a list.
//
// A path is names joined by '.', with "[2]" for an element of an array (counted
// from 0) and ["a name"] for a name with dots. It begins at the record, or with
// "$" at the message.
type Paths []string

// UnmarshalYAML reads one text or a list.
func (p *Paths) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*p = Paths{n.Value}
		return nil
	}
	var list []string
	if err := n.Decode(&list); err != nil {
		return err
	}
	*p = list
	return nil
}

// step is one name or index of a path.
type step struct {
	name  string
	index int // used when name is "" and any is false
	isIdx bool
	any   bool // "*": every element or field; in Each alone
}

type route struct {
	root  bool
	steps []step
}

func parsePath(s string, wildcards bool) (route, error) {
	var r route
	rest := s
	if rest == "$" || strings.HasPrefix(rest, "$.") || strings.HasPrefix(rest, "$[") {
		r.root = true
		rest = strings.TrimPrefix(rest[1:], ".")
	}
	for first := true; rest != ""; first = false {
		if rest[0] == '[' {
			st, after, err := bracket(rest)
			if err != nil {
				return r, fmt.Errorf("path %q: %w", s, err)
			}
			r.steps, rest = append(r.steps, st), after
			continue
		}
		if !first && !r.root || len(r.steps) > 0 {
			if rest[0] != '.' {
				return r, fmt.Errorf("path %q: '.' or '[' is missing before %q", s, rest)
			}
			rest = rest[1:]
		}
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		name := rest[:end]
		if name == "" {
			return r, fmt.Errorf("path %q: a name is empty", s)
		}
		rest = rest[end:]
		if name == "*" && !wildcards {
			return r, fmt.Errorf("path %q: only each can have '*'", s)
		}
		r.steps = append(r.steps, step{name: name, any: name == "*"})
	}
	return r, nil
}

// bracket reads "[2]" or ["a name"].
func bracket(s string) (step, string, error) {
	if strings.HasPrefix(s, `["`) {
		name, rest, ok := strings.Cut(s[2:], `"]`)
		if !ok {
			return step{}, "", fmt.Errorf(`%q has no "]`, s)
		}
		return step{name: name}, rest, nil
	}
	inside, rest, ok := strings.Cut(s[1:], "]")
	i, err := strconv.Atoi(inside)
	if !ok || err != nil || i < 0 {
		return step{}, "", fmt.Errorf("%q is no index", s)
	}
	return step{index: i, isIdx: true}, rest, nil
}

func (s step) from(v tree.Value) tree.Value {
	if s.isIdx {
		return v.Element(s.index)
	}
	return v.Field(s.name)
}

// record is one object that a mapping is applied to.
type record struct {
	root, here tree.Value
	keys       []string // what the '*' of each stood for
	levels     []string // of the topic
	index      int
}

// find returns the first of routes that leads to a value.
func (r *record) find(routes []route) tree.Value {
	for _, rt := range routes {
		v := r.here
		if rt.root {
			v = r.root
		}
		for _, s := range rt.steps {
			v = s.from(v)
		}
		if v.Given() {
			return v
		}
	}
	return tree.Value{}
}
