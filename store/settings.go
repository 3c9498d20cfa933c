package store

import (
	"context"
	"errors"
	"time"
)

// Setting is what people changed at the dashboard, laid over what the files of the
// server say. Its value is a text whose form belongs to the section.
type Setting struct {
	Section string // "rule", "kind", "areas", "channel"; of deeds "credential", "channel_test", "delivery"
	Key     string // within the section
	Version int64  // 1 for the first change, grows with every change, resets among them
	Value   []byte // nil when it was reset: what the files say holds again
	By      string // who changed it
	Note    string // why
	At      time.Time
}

// Reset reports whether what the files say holds.
func (s Setting) Reset() bool { return s.Value == nil }

// MaxSettingBytes bounds the value of a setting.
const MaxSettingBytes = 16 << 20

// MaxSettingChanges bounds a page of changes.
const MaxSettingChanges = 500

// SettingChange is one change with what held before it.
type SettingChange struct {
	ID int64
	Setting
	Before []byte // nil when what the files say held
}

// SettingQuery asks for changes, the newest first. Zero fields do not narrow.
type SettingQuery struct {
	Section string
	Key     string
	Before  int64 // only changes with a smaller ID
	Limit   int   // 1 to MaxSettingChanges; 0 means 100
}

// Settings keeps settings with all their versions. It is safe for concurrent use.
type Settings interface {
	// SaveSetting stores s when the version that is kept is s.Version, 0 for none,
	// and returns it as it is kept now. Errors: ErrConflict, together with the
	// setting that is kept.
	SaveSetting(ctx context.Context, s Setting) (Setting, error)
	// Setting returns what is kept, also after a reset; one of version 0 when there
	// never was any.
	Setting(ctx context.Context, section, key string) (Setting, error)
	// ListSettings returns the settings of a section that are not reset, by key.
	ListSettings(ctx context.Context, section string) (map[string]Setting, error)
	// LogDeed enters into the changes what a person did beside the settings, such as
	// to issue a password: who, when, what about, and what came of it as the value. It
	// is no setting: Setting and ListSettings know nothing of it, and its version is
	// counted by section and key. Secrets do not belong in it.
	LogDeed(ctx context.Context, s Setting) error
	// SettingChanges returns who changed what. Errors: ErrInvalidQuery.
	SettingChanges(ctx context.Context, q SettingQuery) ([]SettingChange, error)
}

// ErrSealed says that a secret is kept but cannot be read, because the key that it was
// sealed with is gone, or cannot be kept, because there is no key. A secret that cannot
// be read must be given again.
var ErrSealed = errors.New("no key fits the secret")

// Secrets keeps what may be written and used, but never shown: passwords and
// signing keys. It is safe for concurrent use.
type Secrets interface {
	// SaveSecrets replaces secrets by name, all of them or none; an empty one removes
	// its. Errors: ErrSealed.
	SaveSecrets(ctx context.Context, secrets map[string]string) error
	// SaveSettingAndSecrets saves a setting as Settings.SaveSetting does, and secrets
	// as SaveSecrets does, all of them or nothing. Errors: those of both.
	SaveSettingAndSecrets(ctx context.Context, s Setting, secrets map[string]string) (Setting, error)
	// Secret returns "" when there is none. Errors: ErrSealed.
	Secret(ctx context.Context, name string) (string, error)
}
