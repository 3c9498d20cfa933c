// Package rulebook keeps the rules that people changed at the dashboard, laid over
// those of the rules file: with versions, who changed what, and a way back.
package rulebook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/store"
)

// Section is where the changes are among the settings.
const Section = "rule"

// ErrInvalid marks a change that no engine can judge by. Its text says why and is
// fit for the person who asked.
var ErrInvalid = errors.New("rule cannot be used")

// Judging is the engine, as far as its rules can be changed; see
// [analytics.Judging].
type Judging interface {
	Check(rules []analytics.Rule) error
	Change(ctx context.Context, rules []analytics.Rule) error
}

// Entry is one rule of the book.
type Entry struct {
	Rule    analytics.Rule // as it holds
	Off     bool           // nobody is told anything by it
	File    analytics.Rule // as the rules file has it
	Setting store.Setting  // the newest change, Version 0 when there never was one
	Stale   string         // why the change is not used, "" when it is or there is none
	Pending bool           // the engine does not judge by it yet
}

// Changed reports whether the rule differs from the file by somebody's hand.
func (e Entry) Changed() bool { return e.Setting.Version > 0 && !e.Setting.Reset() && e.Stale == "" }

// Change is what somebody wants of a rule.
type Change struct {
	Rule    analytics.Rule // name, kind and detector are those of the file
	Off     bool
	Reset   bool  // back to the file; Rule and Off are not looked at
	Version int64 // of the entry that was seen
	By      string
	Note    string
}

// Options tune a Book.
type Options struct {
	Wait time.Duration // longest wait for the engine to take a change over; 0 means 15s
	// Pause is how long the first pause is before Run asks an engine again that has not
	// taken a change over; 0 means 1s. It grows to a minute.
	Pause time.Duration
	Now   func() time.Time // nil means time.Now
	Log   *slog.Logger     // nil discards
}

// Book is the rules as they hold. It is safe for concurrent use.
type Book struct {
	file     []analytics.Rule
	catalog  analytics.Kinds
	settings store.Settings
	opts     Options
	turn     chan struct{} // held by the one who changes a rule
	wake     chan struct{} // holds something when Run should look

	mu      sync.Mutex // guards what follows
	entries []Entry    // in the order of the file
	judging Judging    // nil before an engine judges
}

// Open reads the changes. Those that do not fit the file or the catalogue any more
// are not used, and said to be stale.
func Open(ctx context.Context, file []analytics.Rule, catalog analytics.Kinds, settings store.Settings, opts Options) (*Book, error) {
	if opts.Wait == 0 {
		opts.Wait = 15 * time.Second
	}
	if opts.Pause == 0 {
		opts.Pause = time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	b := &Book{file: file, catalog: catalog, settings: settings, opts: opts, turn: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
	for _, r := range file {
		s, err := settings.Setting(ctx, Section, r.Name)
		if err != nil {
			return nil, fmt.Errorf("rules: %w", err)
		}
		e := Entry{Rule: r, File: r, Setting: s}
		if !s.Reset() {
			changed, off, err := decode(s.Value)
			if err == nil {
				err = fits(changed, r)
			}
			if err == nil {
				err = analytics.CheckRules(catalog, replaced(file, changed))
			}
			if err != nil {
				e.Stale = err.Error()
				opts.Log.Warn("a changed rule does not fit any more and is not used", "rule", r.Name, "error", err)
			} else {
				e.Rule, e.Off = changed, off
			}
		}
		b.entries = append(b.entries, e)
	}
	if err := analytics.CheckRules(catalog, inForce(b.entries)); err != nil {
		opts.Log.Warn("changed rules do not fit together and are not used", "error", err)
		for i := range b.entries {
			if e := &b.entries[i]; e.Changed() {
				e.Rule, e.Off, e.Stale = e.File, false, err.Error()
			}
		}
	}
	return b, nil
}

// Join gives the book the engine that judges by its rules. What was changed before is
// given to it by Run.
func (b *Book) Join(j Judging) {
	b.mu.Lock()
	b.judging = j
	b.mu.Unlock()
	b.call()
}

// call makes Run look.
func (b *Book) call() {
	select {
	case b.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Rules returns those in force, in the order of the file.
func (b *Book) Rules() []analytics.Rule { return inForce(b.List()) }

// List returns all rules in the order of the file.
func (b *Book) List() []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.entries)
}

// Entry returns one rule. Errors: store.ErrNotFound.
func (b *Book) Entry(name string) (Entry, error) {
	for _, e := range b.List() {
		if e.File.Name == name {
			return e, nil
		}
	}
	return Entry{}, fmt.Errorf("rule %q: %w", name, store.ErrNotFound)
}

// Try returns the rules as they would be with a change, or an ErrInvalid.
func (b *Book) Try(name string, r analytics.Rule, off bool) ([]analytics.Rule, error) {
	entries := b.List()
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.File.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("rule %q: %w", name, store.ErrNotFound)
	}
	if err := fits(r, entries[i].File); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	entries[i].Rule, entries[i].Off = r, off
	// A rule that is off is checked too: it must be fit to be put on again.
	entries[i].Off = false
	if err := analytics.CheckRules(b.catalog, inForce(entries)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	entries[i].Off = off
	rules := inForce(entries)
	if err := analytics.CheckRules(b.catalog, rules); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return rules, nil
}

// Change saves what somebody wants of a rule and has the engine judge by it. When
// the engine does not take it over within Options.Wait the entry is Pending, and Run
// asks again until it has. Errors: ErrInvalid, store.ErrNotFound, and
// store.ErrConflict together with the entry as it is.
func (b *Book) Change(ctx context.Context, name string, c Change) (Entry, error) {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return Entry{}, ctx.Err()
	}
	e, err := b.Entry(name)
	if err != nil {
		return Entry{}, err
	}
	if c.Reset {
		c.Rule, c.Off = e.File, false
	}
	rules, err := b.Try(name, c.Rule, c.Off)
	if err != nil {
		return Entry{}, err
	}
	judging := b.joined()
	if judging != nil {
		if err := judging.Check(rules); err != nil {
			return Entry{}, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	s := store.Setting{Section: Section, Key: name, Version: c.Version, By: c.By, Note: c.Note, At: b.opts.Now()}
	if !c.Reset {
		if s.Value, err = encode(c.Rule, c.Off); err != nil {
			return Entry{}, err
		}
	}
	s, err = b.settings.SaveSetting(ctx, s)
	if errors.Is(err, store.ErrConflict) {
		return e, err
	}
	if err != nil {
		return Entry{}, err
	}
	b.put(Entry{Rule: c.Rule, Off: c.Off, File: e.File, Setting: s, Pending: true})
	if judging != nil && !b.apply(context.WithoutCancel(ctx), judging, rules) {
		b.call()
	}
	return b.Entry(name)
}

// apply has the engine judge by rules, and reports whether it does. Its caller holds
// the turn.
func (b *Book) apply(ctx context.Context, judging Judging, rules []analytics.Rule) bool {
	ctx, cancel := context.WithTimeout(ctx, b.opts.Wait)
	defer cancel()
	if err := judging.Change(ctx, rules); err != nil {
		b.opts.Log.Warn("changed rules are saved, but the engine has not taken them over", "error", err)
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.entries {
		b.entries[i].Pending = false
	}
	return true
}

func (b *Book) joined() Judging {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.judging
}

func (b *Book) put(e Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.entries {
		if b.entries[i].File.Name == e.File.Name {
			b.entries[i] = e
		}
	}
}

// inForce returns the rules that are not off.
func inForce(entries []Entry) []analytics.Rule {
	var rules []analytics.Rule
	for _, e := range entries {
		if !e.Off {
			rules = append(rules, e.Rule)
		}
	}
	return rules
}

func replaced(rules []analytics.Rule, by analytics.Rule) []analytics.Rule {
	rules = slices.Clone(rules)
	for i := range rules {
		if rules[i].Name == by.Name {
			rules[i] = by
		}
	}
	return rules
}

// fits returns why a changed rule is not the one of the file with other parameters.
func fits(changed, file analytics.Rule) error {
	switch {
	case changed.Name != file.Name:
		return fmt.Errorf("the name is %q and cannot become %q", file.Name, changed.Name)
	case changed.Kind != file.Kind:
		return fmt.Errorf("the kind is %q and cannot become %q", file.Kind, changed.Kind)
	case changed.Detector() != file.Detector():
		return fmt.Errorf("it judges by %q and cannot judge by %q", file.Detector(), changed.Detector())
	}
	return nil
}

// document is how a change is kept: an entry of a rules file, and whether it is off.
type document struct {
	Off  bool      `yaml:"off"`
	Rule yaml.Node `yaml:"rule"`
}

func encode(r analytics.Rule, off bool) ([]byte, error) {
	text, err := analytics.WriteRule(r)
	if err != nil {
		return nil, err
	}
	var rule yaml.Node
	if err := yaml.Unmarshal(text, &rule); err != nil {
		return nil, fmt.Errorf("write rule %q: %w", r.Name, err)
	}
	out, err := yaml.Marshal(document{Off: off, Rule: *rule.Content[0]})
	if err != nil {
		return nil, fmt.Errorf("write rule %q: %w", r.Name, err)
	}
	return out, nil
}

func decode(text []byte) (r analytics.Rule, off bool, err error) {
	var d document
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&d); err != nil {
		return r, false, fmt.Errorf("read changed rule: %w", err)
	}
	rule, err := yaml.Marshal(&d.Rule)
	if err != nil {
		return r, false, fmt.Errorf("read changed rule: %w", err)
	}
	r, err = analytics.ReadRule(rule)
	return r, d.Off, err
}
