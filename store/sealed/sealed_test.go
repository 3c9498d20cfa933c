package sealed_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/recordstest"
	"github.com/urbangrid/urbangrid/store/sealed"
	"github.com/urbangrid/urbangrid/store/sqlite"
)

// safe is records whose secrets are sealed.
type safe struct {
	*sqlite.Records
	*sealed.Secrets
}

func openRecords(t *testing.T, dir string) *sqlite.Records {
	t.Helper()
	r, err := sqlite.Open(t.Context(), filepath.Join(dir, "records.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sealing(t *testing.T, r sealed.Records, k sealed.Key) *sealed.Secrets {
	t.Helper()
	s, err := sealed.New(r, k)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRecords(t *testing.T) {
	recordstest.Run(t, func(t *testing.T, dir string) recordstest.Records {
		r := openRecords(t, dir)
		return safe{r, sealing(t, r, mustKey(t, filepath.Join(dir, "secret.key")))}
	})
}

const password = "geheim-密码-4711"

// wantNoTrace fails when a file of the folder, but the key's, holds the password.
func wantNoTrace(t *testing.T, dir string) {
	t.Helper()
	looked := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), password) {
			t.Errorf("%s tells the password", d.Name())
		}
		looked++
		return err
	})
	if err != nil || looked < 2 {
		t.Errorf("looked at %d files, %v", looked, err)
	}
}

func mustSave(t *testing.T, s store.Secrets, secrets map[string]string) {
	t.Helper()
	if err := s.SaveSecrets(t.Context(), secrets); err != nil {
		t.Fatal(err)
	}
}

func wantSecret(t *testing.T, s store.Secrets, name, want string) {
	t.Helper()
	if got, err := s.Secret(t.Context(), name); got != want || err != nil {
		t.Errorf("secret %s is %q, %v; want %q", name, got, err, want)
	}
}

func wantState(t *testing.T, s *sealed.Secrets, want sealed.State) {
	t.Helper()
	got, err := s.SealPlain(t.Context())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("SealPlain: %v, -want +got:\n%s", err, diff)
	}
}

func TestSecrets_TheRecordsAloneTellNone(t *testing.T) {
	dir := t.TempDir()
	r := openRecords(t, dir)
	defer r.Close()
	s := sealing(t, r, mustKey(t, filepath.Join(dir, "secret.key")))
	mustSave(t, s, map[string]string{"channel/a/secret": password})
	_, err := s.SaveSettingAndSecrets(t.Context(), store.Setting{Section: "channel", Key: "b", Value: []byte("1")}, map[string]string{"channel/b/secret": password})
	if err != nil {
		t.Fatal(err)
	}
	wantNoTrace(t, dir)
	wantSecret(t, s, "channel/b/secret", password)
	kept, err := r.ListSecrets(t.Context())
	if err != nil || len(kept) != 2 || kept["channel/a/secret"] == kept["channel/b/secret"] {
		t.Errorf("kept are %v, %v; want two that differ", kept, err)
	}
}

func TestSecrets_PlainOnesOfBeforeAreSealedWithoutATrace(t *testing.T) {
	dir := t.TempDir()
	r := openRecords(t, dir)
	defer r.Close()
	mustSave(t, r, map[string]string{"channel/a/url": "https://robot.example/" + password, "channel/a/secret": password})
	gone, removed := map[string]string{}, map[string]string{}
	for i := range 200 { // enough to leave free pages behind
		name := fmt.Sprintf("channel/%d/secret", i)
		gone[name], removed[name] = strings.Repeat(password, 4), ""
	}
	mustSave(t, r, gone)
	mustSave(t, r, removed)
	s := sealing(t, r, mustKey(t, filepath.Join(dir, "secret.key")))
	wantSecret(t, s, "channel/a/secret", password) // it can be used before it is sealed

	wantState(t, s, sealed.State{Sealed: 2})
	wantNoTrace(t, dir)
	wantSecret(t, s, "channel/a/url", "https://robot.example/"+password)
	wantSecret(t, s, "channel/a/secret", password)
	wantState(t, s, sealed.State{})
}

// unscrubbed is records whose disk is full.
type unscrubbed struct{ *sqlite.Records }

var errFull = errors.New("no space left on device")

func (unscrubbed) Scrub(context.Context) error { return errFull }

func TestSecrets_TracesThatCouldNotBeRemovedAreNextTime(t *testing.T) {
	dir := t.TempDir()
	r := openRecords(t, dir)
	defer r.Close()
	mustSave(t, r, map[string]string{"channel/a/secret": password})
	k := mustKey(t, filepath.Join(dir, "secret.key"))
	if st, err := sealing(t, unscrubbed{r}, k).SealPlain(t.Context()); st.Sealed != 1 || !errors.Is(err, errFull) {
		t.Fatalf("SealPlain = %+v, %v; want one sealed and the error", st, err)
	}
	s := sealing(t, r, k)
	wantState(t, s, sealed.State{})
	wantNoTrace(t, dir)
	wantSecret(t, s, "channel/a/secret", password)
}

func TestSecrets_AnotherKeyReadsNothingAndDestroysNothing(t *testing.T) {
	dir := t.TempDir()
	r := openRecords(t, dir)
	defer r.Close()
	right := sealing(t, r, mustKey(t, filepath.Join(dir, "secret.key")))
	mustSave(t, right, map[string]string{"a": password, "b": password})
	wrong := sealing(t, r, mustKey(t, filepath.Join(dir, "other.key")))
	wantState(t, wrong, sealed.State{Unreadable: 2})
	if got, err := wrong.Secret(t.Context(), "a"); got != "" || !errors.Is(err, store.ErrSealed) {
		t.Errorf("read %q, %v; want ErrSealed", got, err)
	}
	mustSave(t, wrong, map[string]string{"b": "given again"})
	wantSecret(t, wrong, "b", "given again")
	wantSecret(t, right, "a", password)
}

func TestSecrets_WithoutAKeyNothingIsKept(t *testing.T) {
	dir := t.TempDir()
	r := openRecords(t, dir)
	defer r.Close()
	mustSave(t, sealing(t, r, mustKey(t, filepath.Join(dir, "secret.key"))), map[string]string{"a": password})
	mustSave(t, r, map[string]string{"plain": password})
	s := sealing(t, r, sealed.Key{})
	wantState(t, s, sealed.State{Plain: 1, Unreadable: 1})
	wantSecret(t, s, "plain", password)
	if err := s.SaveSecrets(t.Context(), map[string]string{"b": password}); !errors.Is(err, store.ErrSealed) {
		t.Errorf("saved with %v, want ErrSealed", err)
	}
	if _, err := s.SaveSettingAndSecrets(t.Context(), store.Setting{Section: "channel", Key: "b", Value: []byte("1")}, map[string]string{"b": password}); !errors.Is(err, store.ErrSealed) {
		t.Errorf("saved with a setting: %v, want ErrSealed", err)
	}
	mustSave(t, s, map[string]string{"a": ""}) // taking away needs no key
	wantSecret(t, s, "a", "")
}

func TestSecrets_OneIsNoOthersAndNotToBeChanged(t *testing.T) {
	r := openRecords(t, t.TempDir())
	defer r.Close()
	s := sealing(t, r, mustKey(t, filepath.Join(t.TempDir(), "secret.key")))
	mustSave(t, s, map[string]string{"a": password})
	kept, err := r.Secret(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	mustSave(t, r, map[string]string{"b": kept})
	if got, err := s.Secret(t.Context(), "b"); got != "" || !errors.Is(err, store.ErrSealed) {
		t.Errorf("the secret of a in the place of b is %q, %v; want ErrSealed", got, err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		at := rapid.IntRange(len("sealed.aes256gcm.1:"), len(kept)-1).Draw(rt, "at")
		other := rapid.SampledFrom([]byte("Az09+/=!")).Filter(func(c byte) bool { return c != kept[at] }).Draw(rt, "other")
		mustSave(t, r, map[string]string{"a": kept[:at] + string(other) + kept[at+1:]})
		if got, err := s.Secret(t.Context(), "a"); got != "" || !errors.Is(err, store.ErrSealed) {
			rt.Errorf("with another byte at %d it is %q, %v; want ErrSealed", at, got, err)
		}
	})
}
