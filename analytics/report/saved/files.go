package saved

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urbangrid/urbangrid/analytics/report"
)

// The files of the folder: the index, and one a saved report, which is JSON of one
// result a line, compressed.
const (
	indexName = "index.json"
	fileEnd   = ".jsonl.gz"
	partEnd   = ".part" // of a file that is not whole yet
)

// maxBytes bounds a saved report when it is read, decompressed.
const maxBytes = 1 << 30

func fileName(id string) string { return id + fileEnd }

// index is what the index file has.
type index struct {
	Runs  map[string]Run `json:"runs"`
	Saved []Item         `json:"saved"`
}

func (l *Library) readIndex() error {
	b, err := os.ReadFile(filepath.Join(l.dir, indexName))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var x index
	if err := json.Unmarshal(b, &x); err != nil {
		return fmt.Errorf("%s: %w", indexName, err)
	}
	for _, i := range x.Saved {
		if idPattern.MatchString(i.ID) {
			l.items = append(l.items, i)
		}
	}
	for name, r := range x.Runs {
		l.runs[name] = r
	}
	return nil
}

// writeIndex replaces the index. The caller holds mu.
func (l *Library) writeIndex() error {
	_, err := l.replace(indexName, func(w io.Writer) error {
		return json.NewEncoder(w).Encode(index{Runs: l.runs, Saved: l.items})
	})
	return err
}

// write writes the file of results and returns its size.
func (l *Library) write(id string, results []*report.Result) (int64, error) {
	return l.replace(fileName(id), func(w io.Writer) error {
		z := gzip.NewWriter(w)
		enc := json.NewEncoder(z)
		for _, r := range results {
			if err := enc.Encode(r); err != nil {
				return err
			}
		}
		return z.Close()
	})
}

// replace writes a file that takes its name only when it is whole and on disk.
func (l *Library) replace(name string, fill func(io.Writer) error) (size int64, err error) {
	f, err := os.CreateTemp(l.dir, name+"-*"+partEnd)
	if err != nil {
		return 0, err
	}
	part := f.Name()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if info, e := f.Stat(); e == nil {
		size = info.Size()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	return size, os.Rename(part, filepath.Join(l.dir, name))
}

// read reads the file of results.
func (l *Library) read(id string) (results []*report.Result, err error) {
	f, err := os.Open(filepath.Join(l.dir, fileName(id)))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(io.LimitReader(z, maxBytes))
	for dec.More() {
		var line json.RawMessage
		if err := dec.Decode(&line); err != nil {
			return nil, err
		}
		r, err := report.Restore(line, l.areas)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	if len(results) == 0 {
		return nil, errors.New("the file has no report")
	}
	return results, nil
}
