package sealed_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urbangrid/urbangrid/store/sealed"
)

func mustKey(t *testing.T, path string) sealed.Key {
	t.Helper()
	k, _, err := sealed.OpenKey(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestOpenKey_MakesOneForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret.key")
	if _, made, err := sealed.OpenKey(path); !made || err != nil {
		t.Fatalf("made %v, %v; want a new key", made, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode().Perm(), err)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, made, err := sealed.OpenKey(path); made || err != nil {
		t.Errorf("opened again: made %v, %v; want the key that is there", made, err)
	}
	if again, err := os.ReadFile(path); string(again) != string(first) || err != nil {
		t.Errorf("the file has changed, %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 || err != nil {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestOpenKey_LeavesAFileThatHoldsNoKey(t *testing.T) {
	for what, text := range map[string]string{"empty": "", "short": "aGVsbG8=\n", "no base64": strings.Repeat("!", 44)} {
		t.Run(what, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secret.key")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, made, err := sealed.OpenKey(path); made || err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("made %v, %v; want an error that names the file", made, err)
			}
			if got, err := os.ReadFile(path); string(got) != text || err != nil {
				t.Errorf("the file holds %q, %v", got, err)
			}
		})
	}
}

func TestOpenKey_SaysWhereNoneCanBeMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no folder", "secret.key")
	if _, _, err := sealed.OpenKey(path); err == nil {
		t.Error("a key was made in a folder that is not there")
	}
	if _, err := os.Stat(path); err == nil || !os.IsNotExist(err) {
		t.Errorf("stat: %v, want %v", err, fs.ErrNotExist)
	}
}
