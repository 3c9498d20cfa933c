package live

// Parse reads a frame of a browser for the fuzz target.
func Parse(kind int, b []byte) (typ string, hasID bool, bad string) {
	r := parse(kind, b)
	return r.Type, r.ID != nil, r.bad
}
