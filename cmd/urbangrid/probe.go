package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/urbangrid/urbangrid/dashboard"
)

// probe looks at what the server stands on.
func (s *server) probe(ctx context.Context) (dashboard.Probe, error) {
	p := dashboard.Probe{Broker: withoutSecrets(s.cfg.Broker), Connections: -1, DiskPath: s.cfg.Data, JournalMaxBytes: s.cfg.JournalMaxBytes}
	var err error
	if p.JournalFirst, err = s.journal.First(ctx); err != nil {
		return p, err
	}
	if p.JournalLast, err = s.journal.Last(ctx); err != nil {
		return p, err
	}
	bytes, err := s.journal.Bytes(ctx)
	if err != nil {
		return p, err
	}
	p.JournalBytes = int64(bytes) //nolint:gosec // no disk holds more
	if s.broker != nil {
		p.BrokerEmbedded, p.Connections = true, s.broker.Connections()
	}
	p.Stores = []dashboard.StoreProbe{
		{Name: "series", URL: withoutSecrets(s.cfg.Series), Bytes: s.fileBytes(s.cfg.Series)},
		{Name: "records", URL: withoutSecrets(s.cfg.Records), Bytes: s.fileBytes(s.cfg.Records)},
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(s.cfg.Data, &disk); err != nil {
		return p, fmt.Errorf("free space of %s: %w", s.cfg.Data, err)
	}
	p.DiskFree = int64(disk.Bavail) * int64(disk.Bsize) //nolint:unconvert // the types differ between systems
	p.DiskSize = int64(disk.Blocks) * int64(disk.Bsize) //nolint:unconvert // see above
	return p, nil
}

// fileBytes is the size of the file that a store like duckdb:FILE lies in, with those
// beside it that its engine makes; -1 for one that is elsewhere.
func (s *server) fileBytes(store string) int64 {
	kind, name, _ := strings.Cut(store, ":")
	if kind != "duckdb" && kind != "sqlite" {
		return -1
	}
	found, err := filepath.Glob(s.cfg.path(name) + "*")
	if err != nil {
		return -1
	}
	var total int64
	for _, path := range found {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // a log that was just folded in
		case err != nil:
			return -1
		default:
			total += info.Size()
		}
	}
	return total
}

// withoutSecrets takes user and password out of an address.
func withoutSecrets(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address
	}
	u.User = nil
	return u.String()
}
