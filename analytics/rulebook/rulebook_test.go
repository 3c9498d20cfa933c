package rulebook_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/analytics/rulebook"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/sqlite"
)

var _ rulebook.Judging = (*analytics.Judging)(nil)

// engine notes the rules that it was given.
type engine struct {
	rules []analytics.Rule
	deaf  bool // does not take rules over
}

func (e *engine) Check([]analytics.Rule) error { return nil }

func (e *engine) Change(ctx context.Context, rules []analytics.Rule) error {
	if e.deaf {
		<-ctx.Done()
		return ctx.Err()
	}
	e.rules = rules
	return nil
}

func openRecords(t *testing.T) *sqlite.Records {
	t.Helper()
	r, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "records.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func defaults(t *testing.T) ([]analytics.Rule, *sensors.Catalog) {
	t.Helper()
	rules, err := analytics.DefaultRules()
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	return rules, catalog
}

func openBook(t *testing.T, settings store.Settings, file []analytics.Rule, opts rulebook.Options) *rulebook.Book {
	t.Helper()
	_, catalog := defaults(t)
	b, err := rulebook.Open(t.Context(), file, catalog, settings, opts)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// louder is the rule about noise, raised at a level.
func louder(t *testing.T, b *rulebook.Book, raise float64) analytics.Rule {
	t.Helper()
	e, err := b.Entry("noise_loud")
	if err != nil {
		t.Fatal(err)
	}
	threshold := *e.Rule.Threshold
	threshold.Raise = raise
	e.Rule.Threshold = &threshold
	return e.Rule
}

func ruleOf(rules []analytics.Rule, name string) *analytics.Rule {
	i := slices.IndexFunc(rules, func(r analytics.Rule) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return &rules[i]
}

func TestBook_AChangeHoldsAtOnceAndAfterARestart(t *testing.T) {
	file, _ := defaults(t)
	records := openRecords(t)
	b := openBook(t, records, file, rulebook.Options{})
	judge := &engine{}
	b.Join(judge)
	e, err := b.Change(t.Context(), "noise_loud", rulebook.Change{Rule: louder(t, b, 82), By: "王芳", Note: "夜市"})
	if err != nil {
		t.Fatal(err)
	}
	if !e.Changed() || e.Pending || e.Setting.Version != 1 || e.Rule.Threshold.Raise != 82 || e.File.Threshold.Raise != 85 {
		t.Errorf("entry is %+v", e)
	}
	if r := ruleOf(judge.rules, "noise_loud"); r == nil || r.Threshold.Raise != 82 || len(judge.rules) != len(file) {
		t.Errorf("the engine judges by %+v of %d rules", r, len(judge.rules))
	}
	again := openBook(t, records, file, rulebook.Options{})
	if diff := cmp.Diff(b.List(), again.List()); diff != "" {
		t.Errorf("book after a restart (-before +after):\n%s", diff)
	}
	e, err = again.Change(t.Context(), "noise_loud", rulebook.Change{Reset: true, Version: 1, By: "李明"})
	if err != nil || e.Changed() || e.Rule.Threshold.Raise != 85 {
		t.Errorf("after the reset: %+v, %v", e, err)
	}
	changes, err := records.SettingChanges(t.Context(), store.SettingQuery{Section: rulebook.Section})
	if err != nil || len(changes) != 2 || changes[0].By != "李明" || !strings.Contains(string(changes[0].Before), "raise: 82") {
		t.Errorf("audit is %+v, %v", changes, err)
	}
}

func TestBook_ARuleThatIsOffIsNotJudgedBy(t *testing.T) {
	file, _ := defaults(t)
	b := openBook(t, openRecords(t), file, rulebook.Options{})
	judge := &engine{}
	b.Join(judge)
	if _, err := b.Change(t.Context(), "noise_loud", rulebook.Change{Rule: louder(t, b, 85), Off: true, By: "王芳"}); err != nil {
		t.Fatal(err)
	}
	if ruleOf(judge.rules, "noise_loud") != nil || ruleOf(b.Rules(), "noise_loud") != nil {
		t.Error("the rule is judged by")
	}
	// Others stand on the hotspots of their kind.
	e, err := b.Entry("parking_cluster")
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Change(t.Context(), "parking_cluster", rulebook.Change{Rule: e.Rule, Off: true, By: "王芳"})
	if !errors.Is(err, rulebook.ErrInvalid) {
		t.Errorf("error %v, want ErrInvalid: drift needs the hotspots", err)
	}
}

func TestBook_OfTwoPeopleTheSecondSeesWhatTheFirstDid(t *testing.T) {
	file, _ := defaults(t)
	b := openBook(t, openRecords(t), file, rulebook.Options{})
	if _, err := b.Change(t.Context(), "noise_loud", rulebook.Change{Rule: louder(t, b, 82), By: "王芳"}); err != nil {
		t.Fatal(err)
	}
	e, err := b.Change(t.Context(), "noise_loud", rulebook.Change{Rule: louder(t, b, 90), By: "李明"})
	if !errors.Is(err, store.ErrConflict) || e.Setting.By != "王芳" || e.Rule.Threshold.Raise != 82 {
		t.Errorf("entry %+v, error %v; want ErrConflict and what 王芳 saved", e, err)
	}
}

func TestBook_RefusesWhatNoEngineCanJudgeBy(t *testing.T) {
	file, _ := defaults(t)
	records := openRecords(t)
	b := openBook(t, records, file, rulebook.Options{})
	other := louder(t, b, 85)
	other.Kind = "pm25"
	for what, r := range map[string]analytics.Rule{"clears beyond where it raises": louder(t, b, 70), "another kind": other} {
		if _, err := b.Change(t.Context(), "noise_loud", rulebook.Change{Rule: r, By: "王芳"}); !errors.Is(err, rulebook.ErrInvalid) {
			t.Errorf("%s: error %v, want ErrInvalid", what, err)
		}
	}
	if _, err := b.Change(t.Context(), "nothing", rulebook.Change{}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown rule: error %v, want ErrNotFound", err)
	}
	changes, err := records.SettingChanges(t.Context(), store.SettingQuery{})
	if err != nil || len(changes) != 0 {
		t.Errorf("%d changes were saved, %v", len(changes), err)
	}
}

func TestBook_SaysWhenTheEngineHasNotTakenAChangeOver(t *testing.T) {
	file, _ := defaults(t)
	b := openBook(t, openRecords(t), file, rulebook.Options{Wait: time.Millisecond})
	judge := &engine{deaf: true}
	b.Join(judge)
	e, err := b.Change(t.Context(), "noise_loud", rulebook.Change{Rule: louder(t, b, 82), By: "王芳"})
	if err != nil || !e.Pending {
		t.Errorf("entry %+v, error %v; want it pending", e, err)
	}
	judge.deaf = false
	e, err = b.Change(t.Context(), "noise_loud", rulebook.Change{Rule: louder(t, b, 83), Version: 1, By: "王芳"})
	if err != nil || e.Pending {
		t.Errorf("entry %+v, error %v; want it taken over", e, err)
	}
}

func TestBook_AChangeThatDoesNotFitTheFileAnyMoreIsStale(t *testing.T) {
	file, _ := defaults(t)
	records := openRecords(t)
	b := openBook(t, records, file, rulebook.Options{})
	if _, err := b.Change(t.Context(), "noise_loud", rulebook.Change{Rule: louder(t, b, 82), By: "王芳"}); err != nil {
		t.Fatal(err)
	}
	newFile := slices.Clone(file)
	moved := ruleOf(newFile, "noise_loud")
	moved.Kind, moved.Threshold = "pm25", &analytics.Threshold{Raise: 150, Clear: 100}
	again := openBook(t, records, newFile, rulebook.Options{})
	e, err := again.Entry("noise_loud")
	if err != nil || e.Stale == "" || e.Changed() || e.Rule.Threshold.Raise != 150 {
		t.Errorf("entry %+v, error %v; want the one of the file, and why", e, err)
	}
}
