package basemap

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// cache keeps tiles as files, the type of each in its first line. When it grows
// beyond its bound the tiles that were fetched longest ago leave, down to nine
// tenths. It is safe for concurrent use by one process.
type cache struct {
	folder string
	limit  int64
	now    func() time.Time

	mu    sync.Mutex
	bytes int64
}

// openCache opens the cache of one service in the folder of all, and removes
// those of services that were configured before.
func openCache(all, identity string, limit int64, now func() time.Time) (*cache, error) {
	if limit == 0 {
		limit = 1 << 30
	}
	if err := forgetOthers(all, identity); err != nil {
		return nil, err
	}
	folder := filepath.Join(all, identity)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("folder of tiles: %w", err)
	}
	c := &cache{folder: folder, limit: limit, now: now}
	kept, err := c.list()
	if err != nil {
		return nil, err
	}
	for _, k := range kept {
		c.bytes += k.bytes
	}
	return c, nil
}

func forgetOthers(all, identity string) error {
	entries, err := os.ReadDir(all)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("folder of tiles: %w", err)
	}
	for _, e := range entries {
		if e.Name() == identity {
			continue
		}
		if err := os.RemoveAll(filepath.Join(all, e.Name())); err != nil {
			return fmt.Errorf("folder of tiles: %w", err)
		}
	}
	return nil
}

func (c *cache) path(k tileKey) string {
	return filepath.Join(c.folder, fmt.Sprint(k.z), fmt.Sprint(k.x), fmt.Sprint(k.y))
}

// get returns a tile and how long ago it was fetched.
func (c *cache) get(k tileKey) (t tile, age time.Duration, ok bool) {
	name := c.path(k)
	info, err := os.Stat(name)
	if err != nil {
		return t, 0, false
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return t, 0, false
	}
	head, body, ok := bytes.Cut(b, []byte{'\n'})
	if !ok {
		return t, 0, false
	}
	return tile{contentType: string(head), body: body}, c.now().Sub(info.ModTime()), true
}

// put keeps a tile, whole or not at all.
func (c *cache) put(k tileKey, t tile) error {
	name := c.path(k)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(append([]byte(t.contentType+"\n"), t.body...))
	if err = errors.Join(err, f.Close()); err == nil {
		now := c.now()
		err = os.Chtimes(f.Name(), now, now)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before := sizeOf(name)
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	c.bytes += sizeOf(name) - before
	if c.bytes > c.limit {
		return c.makeRoom()
	}
	return nil
}

func sizeOf(name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}

type keptTile struct {
	name  string
	bytes int64
	at    time.Time
}

func (c *cache) list() (kept []keptTile, err error) {
	err = filepath.WalkDir(c.folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() {
			return nil // it went away meanwhile, or is a folder
		}
		kept = append(kept, keptTile{name, info.Size(), info.ModTime()})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("folder of tiles: %w", err)
	}
	return kept, nil
}

// makeRoom takes tiles away; the caller holds the lock.
func (c *cache) makeRoom() error {
	kept, err := c.list()
	if err != nil {
		return err
	}
	slices.SortFunc(kept, func(a, b keptTile) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.name, b.name)) })
	c.bytes = 0
	for _, k := range kept {
		c.bytes += k.bytes
	}
	for _, k := range kept {
		if c.bytes <= c.limit/10*9 {
			return nil
		}
		if err := os.Remove(k.name); err != nil {
			return err
		}
		c.bytes -= k.bytes
	}
	return nil
}
