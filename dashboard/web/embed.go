// Package web carries the built browser client inside the binary.
package web

import (
	"embed"
	"io/fs"
)

// The pattern also matches dist-missing.html, so that the binary can be built
// before the client was.
//
//go:embed all:dist*
var files embed.FS

// Assets returns the built client, or a page that says how to build it; built
// tells which.
func Assets() (assets fs.FS, built bool) {
	dist, err := fs.Sub(files, "dist")
	if err == nil {
		if _, err = fs.Stat(dist, "index.html"); err == nil {
			return dist, true
		}
	}
	return missing{}, false
}

// missing has one page, whatever its name is on disk.
type missing struct{}

func (missing) Open(name string) (fs.File, error) {
	if name == "index.html" {
		return files.Open("dist-missing.html")
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
