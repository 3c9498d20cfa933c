package live

import "strconv"

// Parse reads a frame of a browser for the fuzz target.
func Parse(kind int, b []byte) (typ string, hasID bool, bad string) {
	r := parse(kind, b)
	return r.Type, r.ID != nil, r.bad
}

// ParseID reads a frame of a browser and returns the id that an answer to it bears,
// "none" without one.
func ParseID(kind int, b []byte) (id, bad string) {
	r := parse(kind, b)
	if r.ID == nil {
		return "none", r.bad
	}
	return strconv.FormatInt(*r.ID, 10), r.bad
}
