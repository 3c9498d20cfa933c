package jsonmap

import (
	"errors"
	"fmt"
	"strings"
)

// filter is an MQTT filter whose levels may have names.
type filter struct {
	text   string
	levels []string       // "+" for named ones too; "#" last
	names  map[string]int // to the level
}

func parseFilter(s string) (filter, error) {
	f := filter{text: s, levels: strings.Split(s, "/"), names: make(map[string]int)}
	if s == "" || s == "#" {
		return f, errors.New("a filter without a fixed level would take the messages of every format")
	}
	fixed := false
	for i, level := range f.levels {
		name, named := strings.CutPrefix(level, "{")
		switch {
		case named:
			name, ok := strings.CutSuffix(name, "}")
			if _, twice := f.names[name]; !ok || name == "" || twice || strings.ContainsAny(name, "{}+#") {
				return f, fmt.Errorf("%q: %q is no name of a level", s, level)
			}
			f.names[name] = i
			f.levels[i] = "+"
		case level == "+":
		case level == "#":
			if i != len(f.levels)-1 {
				return f, fmt.Errorf("%q: '#' is not the last level", s)
			}
		case strings.ContainsAny(level, "+#{}"):
			return f, fmt.Errorf("%q: %q is neither a level, '+', '#' nor {name}", s, level)
		default:
			fixed = true
		}
	}
	if !fixed {
		return f, fmt.Errorf("%q: a filter without a fixed level would take the messages of every format", s)
	}
	return f, nil
}

func (f *filter) matches(topic string) bool {
	rest, more := topic, true
	for _, level := range f.levels {
		if level == "#" {
			return true
		}
		if !more {
			return false
		}
		var here string
		here, rest, more = strings.Cut(rest, "/")
		if level != "+" && level != here {
			return false
		}
	}
	return !more
}
