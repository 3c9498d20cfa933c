package dashboard

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// pages serves the client. Files whose name carries a hash are cached for ever,
// all else is asked for again; a path that isSiteFile does not know is a place within
// the page. Browsers that take it get files as small as gzip makes them.
func pages(assets fs.FS) http.Handler {
	small := newPacked()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			writeProblem(w, http.StatusMethodNotAllowed, "pages can only be read")
			return
		}
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		if !isSiteFile(assets, name) {
			name = "index.html"
		}
		f, err := assets.Open(name)
		if err != nil {
			notFound(w, err)
			return
		}
		defer func() { _ = f.Close() }() // it was only read
		content, ok := f.(io.ReadSeeker)
		info, err := f.Stat()
		if err != nil || !ok || info.IsDir() {
			notFound(w, fs.ErrNotExist)
			return
		}
		if strings.HasPrefix(name, "assets/") {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		} else {
			w.Header().Set("Cache-Control", "no-cache")
		}
		if t := mediaType(name); t != "" {
			w.Header().Set("Content-Type", t)
		}
		if packs(r, name) {
			if b, err := small.file(name, content); err == nil {
				w.Header().Set("Content-Encoding", "gzip")
				w.Header().Set("Vary", "Accept-Encoding")
				content = bytes.NewReader(b)
			} else {
				notFound(w, err)
				return
			}
		}
		http.ServeContent(w, r, name, time.Time{}, content)
	})
}

// isSiteFile tells files from places within the page, which may bear the name of a device
// with a dot in it. Where no place can be, below assets and at the top, a name with a
// dot is a file, whether it is there or not.
func isSiteFile(assets fs.FS, name string) bool {
	if strings.HasPrefix(name, "assets/") || path.Ext(name) != "" && !strings.Contains(name, "/") {
		return true
	}
	info, err := fs.Stat(assets, name)
	return err == nil && !info.IsDir()
}

// mediaType does not ask the machine for the types that matter: a wrong table
// there would stop the page from loading.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json":
		return "application/json"
	case ".woff2":
		return "font/woff2"
	}
	return mime.TypeByExtension(path.Ext(name))
}

func notFound(w http.ResponseWriter, err error) {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		writeProblem(w, http.StatusNotFound, "no such page")
		return
	}
	writeProblem(w, http.StatusInternalServerError, "the page could not be read")
}
