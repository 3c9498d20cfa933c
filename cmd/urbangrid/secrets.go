package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urbangrid/urbangrid/store/sealed"
)

// secretKey is the file with the key that seals secrets.
func (c config) secretKey() string {
	if c.SecretKey != "" {
		return c.SecretKey
	}
	return c.path("secret.key")
}

// openSecrets seals what is kept of secrets. Whatever is wrong with the key is told of
// and keeps no server from starting: channels say what must be given again.
func (s *server) openSecrets(ctx context.Context) (err error) {
	log, path := s.log.With("component", "secrets"), s.cfg.secretKey()
	key, made, err := sealed.OpenKey(path)
	if err != nil {
		log.Error("the key of secrets cannot be used, none can be read or kept", "error", err)
	}
	if s.secrets, err = sealed.New(s.records, key); err != nil {
		return err
	}
	found, err := s.secrets.SealPlain(ctx)
	if err != nil {
		log.Error("secrets not sealed, that is tried again at the next start", "error", err)
	}
	switch {
	case found.Unreadable > 0 && made:
		log.Error("the key of secrets was missing and is made anew: put the old one back, or give addresses, keys and passwords of channels again", "file", path, "secrets", found.Unreadable)
	case found.Unreadable > 0:
		log.Error("secrets were sealed with another key: put that one back, or give addresses, keys and passwords of channels again", "file", path, "secrets", found.Unreadable)
	case made:
		log.Info("made a key for secrets: keep a copy of it, apart from those of the data", "file", path)
	}
	if found.Sealed > 0 {
		log.Info("sealed secrets that were plain; copies made before still tell them", "secrets", found.Sealed)
	}
	for _, o := range opened(s.cfg) {
		log.Warn("others than the server can read what it keeps", "what", o.path, "mode", o.mode.String(), "want", o.want.String())
	}
	return nil
}

// opening is a file or folder that others than its owner have rights to.
type opening struct {
	path       string
	mode, want fs.FileMode
}

func (o opening) String() string {
	return fmt.Sprintf("others can read %s: its mode is %04o, %04o is enough", o.path, o.mode.Perm(), o.want.Perm())
}

// opened returns what of the data folder, the records and the key is open to others. What
// is missing is not.
func opened(c config) (list []opening) {
	look := func(path string, want fs.FileMode) {
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&^want != 0 {
			list = append(list, opening{path, info.Mode().Perm(), want})
		}
	}
	look(c.Data, 0o700)
	if name, ok := strings.CutPrefix(c.Records, "sqlite:"); ok {
		path := c.path(name)
		if dir := filepath.Dir(path); dir != filepath.Clean(c.Data) {
			look(dir, 0o700)
		}
		look(path, 0o600)
	}
	look(c.secretKey(), 0o600)
	return list
}
