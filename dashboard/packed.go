package dashboard

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
)

// packed keeps the files of the page as small as gzip makes them. Each is compressed
// when it is first asked for, and once: that takes too long to be done for every
// visitor. It is safe for concurrent use.
type packed struct {
	mu    sync.Mutex // guards files
	files map[string]func() ([]byte, error)
}

func newPacked() *packed { return &packed{files: make(map[string]func() ([]byte, error))} }

// file returns the compressed content of a file, which is read when it was not asked
// for before.
func (p *packed) file(name string, content io.Reader) ([]byte, error) {
	p.mu.Lock()
	pack, known := p.files[name]
	if !known {
		pack = sync.OnceValues(func() ([]byte, error) { return gzipped(content) })
		p.files[name] = pack
	}
	p.mu.Unlock()
	b, err := pack()
	if err != nil { // the next one may have better luck
		p.mu.Lock()
		delete(p.files, name)
		p.mu.Unlock()
	}
	return b, err
}

func gzipped(content io.Reader) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w, content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// packs reports whether a file gets smaller and the browser takes it so. Parts of a
// file are parts of what it is, so they are not packed.
func packs(r *http.Request, name string) bool {
	switch path.Ext(name) {
	case ".html", ".js", ".mjs", ".css", ".svg", ".json":
	default:
		return false
	}
	return r.Header.Get("Range") == "" && acceptsGzip(r.Header.Get("Accept-Encoding"))
}

// acceptsGzip reads what RFC 9110, section 12.5.3 lets a browser say.
func acceptsGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			weight = strings.TrimRight(strings.ReplaceAll(weight, " ", ""), "0")
			return weight != "q=" && weight != "q=0."
		}
	}
	return false
}
