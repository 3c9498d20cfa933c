package report

import (
	"slices"
	"strings"
)

// Keys is a set of keys in a form that can be compared with ==: equal sets are
// equal. The zero value is the empty set, which stands for all there are.
type Keys[K ~string] struct {
	text string // ascending, each once, parted by keyEnd
}

// keyEnd parts keys. No key has it: it is no character of a name.
const keyEnd = "\x00"

// KeysOf returns the set of some keys. An empty key is none.
func KeysOf[K ~string](keys ...K) Keys[K] {
	texts := make([]string, 0, len(keys))
	for _, k := range keys {
		if k != "" {
			texts = append(texts, string(k))
		}
	}
	slices.Sort(texts)
	return Keys[K]{strings.Join(slices.Compact(texts), keyEnd)}
}

// ReadKeys reads keys as they stand in a query. A text that is a known key is that one,
// whatever it holds; any other is keys parted by commas.
func ReadKeys[K ~string](texts []string, known func(K) bool) Keys[K] {
	var keys []K
	for _, text := range texts {
		if known(K(text)) {
			keys = append(keys, K(text))
			continue
		}
		for part := range strings.SplitSeq(text, ",") {
			keys = append(keys, K(strings.TrimSpace(part)))
		}
	}
	return KeysOf(keys...)
}

// All returns the keys in ascending order, nil for the empty set.
func (k Keys[K]) All() []K {
	if k.text == "" {
		return nil
	}
	texts := strings.Split(k.text, keyEnd)
	out := make([]K, len(texts))
	for i, t := range texts {
		out[i] = K(t)
	}
	return out
}

// Len returns how many there are.
func (k Keys[K]) Len() int {
	if k.text == "" {
		return 0
	}
	return strings.Count(k.text, keyEnd) + 1
}

// Only returns the key of a set of one, "" of any other set.
func (k Keys[K]) Only() K {
	if k.Len() != 1 {
		return ""
	}
	return K(k.text)
}

// Admit reports whether a key is in the set. The empty set admits every key.
func (k Keys[K]) Admit(key K) bool {
	return k.text == "" || slices.Contains(k.All(), key)
}

// String returns the keys as they stand in a query, parted by commas.
func (k Keys[K]) String() string { return strings.ReplaceAll(k.text, keyEnd, ",") }
