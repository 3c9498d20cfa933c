package main

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/store"
)

const password = "geheim-密码-4711"

// openSafe opens records and secrets of a folder as a start does, and returns what the
// log says.
func openSafe(t *testing.T, dir string, prepare func(*server)) (*server, string) {
	t.Helper()
	var said bytes.Buffer
	s := &server{log: slog.New(slog.NewTextHandler(&said, nil))}
	s.cfg.Data, s.cfg.Records = dir, "sqlite:records.db"
	if err := s.openRecords(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.records.Close(); err != nil {
			t.Error(err)
		}
	})
	if prepare != nil {
		prepare(s)
	}
	if err := s.openSecrets(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, said.String()
}

func wantLogged(t *testing.T, said string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(said, w) {
			t.Errorf("the log does not say %q:\n%s", w, said)
		}
	}
}

func private(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func keep(t *testing.T, s store.Secrets, name string) {
	t.Helper()
	if err := s.SaveSecrets(t.Context(), map[string]string{name: password}); err != nil {
		t.Fatal(err)
	}
}

func TestOpenSecrets_SealsPlainOnesAtTheStart(t *testing.T) {
	dir := private(t)
	s, said := openSafe(t, dir, func(s *server) { keep(t, s.records, "channel/a/secret") })
	wantLogged(t, said, "made a key", "sealed secrets that were plain", "secrets=1")
	if strings.Contains(said, "WARN") || strings.Contains(said, "ERROR") {
		t.Errorf("the log warns:\n%s", said)
	}
	if got, err := s.secrets.Secret(t.Context(), "channel/a/secret"); got != password || err != nil {
		t.Errorf("the secret is %q, %v", got, err)
	}
	if kept, err := s.records.Secret(t.Context(), "channel/a/secret"); strings.Contains(kept, password) || err != nil {
		t.Errorf("%q is kept, %v", kept, err)
	}
	if _, said := openSafe(t, dir, nil); said != "" {
		t.Errorf("the next start says:\n%s", said)
	}
}

func TestOpenSecrets_StartsWhateverBecameOfTheKey(t *testing.T) {
	for what, test := range map[string]struct {
		spoil func(key string) error
		said  string
		keeps bool // secrets can be given again
	}{
		"lost":       {os.Remove, "was missing and is made anew", true},
		"another":    {func(key string) error { return os.WriteFile(key, []byte(strings.Repeat("A", 43)+"=\n"), 0o600) }, "sealed with another key", true},
		"damaged":    {func(key string) error { return os.WriteFile(key, []byte("?"), 0o600) }, "cannot be used", false},
		"a folder":   {func(key string) error { return errors.Join(os.Remove(key), os.Mkdir(key, 0o700)) }, "cannot be used", false},
		"unmakeable": {func(key string) error { return os.RemoveAll(filepath.Dir(key)) }, "cannot be used", false},
	} {
		t.Run(what, func(t *testing.T) {
			dir, key := private(t), filepath.Join(t.TempDir(), "keys", "secret.key")
			if err := os.Mkdir(filepath.Dir(key), 0o700); err != nil {
				t.Fatal(err)
			}
			elsewhere := func(s *server) { s.cfg.SecretKey = key }
			first, _ := openSafe(t, dir, elsewhere)
			keep(t, first.secrets, "channel/a/secret")
			if err := test.spoil(key); err != nil {
				t.Fatal(err)
			}
			s, said := openSafe(t, dir, elsewhere)
			wantLogged(t, said, "level=ERROR", test.said)
			if got, err := s.secrets.Secret(t.Context(), "channel/a/secret"); got != "" || !errors.Is(err, store.ErrSealed) {
				t.Errorf("the secret is %q, %v; want ErrSealed", got, err)
			}
			err := s.secrets.SaveSecrets(t.Context(), map[string]string{"channel/b/secret": password})
			if keeps := err == nil; keeps != test.keeps || err != nil && !errors.Is(err, store.ErrSealed) {
				t.Errorf("a new secret: %v, want it kept: %v", err, test.keeps)
			}
			if _, err := os.Stat(filepath.Join(dir, "secret.key")); !os.IsNotExist(err) {
				t.Errorf("a key in the data folder: %v, want none", err)
			}
		})
	}
}

func TestOpenSecrets_WarnsOfWhatOthersCanRead(t *testing.T) {
	dir := private(t)
	s, _ := openSafe(t, dir, nil)
	if list := opened(s.cfg); len(list) != 0 {
		t.Errorf("open are %v, want nothing", list)
	}
	key, records := filepath.Join(dir, "secret.key"), filepath.Join(dir, "records.db")
	if err := errors.Join(os.Chmod(dir, 0o750), os.Chmod(key, 0o640), os.Chmod(records, 0o604)); err != nil {
		t.Fatal(err)
	}
	want := []opening{{dir, 0o750, 0o700}, {records, 0o604, 0o600}, {key, 0o640, 0o600}}
	if diff := cmp.Diff(want, opened(s.cfg), cmp.AllowUnexported(opening{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	_, said := openSafe(t, dir, nil)
	wantLogged(t, said, "level=WARN", "what="+key, "what="+records, "mode=-rwxr-x---")
}

func TestLockData_MakesAFolderForItsOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	unlock, err := lockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v; want 0700", info.Mode(), err)
	}
}
