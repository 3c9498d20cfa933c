// Package sealed keeps secrets in records so that the records alone, a copy of them or
// a backup, tell none: each is sealed with AES-256-GCM under a key that is in a file of
// its own, and bound to its name, so that one cannot be put in another's place.
package sealed

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/urbangrid/urbangrid/store"
)

// Records is where sealed secrets are kept.
type Records interface {
	store.Secrets
	// ListSecrets returns all secrets by name, as they are kept.
	ListSecrets(ctx context.Context) (map[string]string, error)
	// Scrub leaves nothing on disk of what was replaced or removed.
	Scrub(ctx context.Context) error
}

// Secrets seals what is kept in records. It is safe for concurrent use.
type Secrets struct {
	records Records
	aead    cipher.AEAD // nil without a key
}

var _ store.Secrets = (*Secrets)(nil)

// New returns secrets that are sealed with k in r. With the zero Key, what is sealed
// cannot be read and nothing can be kept: store.ErrSealed says so.
func New(r Records, k Key) (*Secrets, error) {
	if k.secret == nil {
		return &Secrets{records: r}, nil
	}
	block, err := aes.NewCipher(k.secret)
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	return &Secrets{r, aead}, nil
}

// mark is what a sealed secret begins with; behind it are nonce, text and tag in base64.
const mark = "sealed.aes256gcm.1:"

func (s *Secrets) seal(name, secret string) (string, error) {
	if secret == "" {
		return "", nil
	}
	if s.aead == nil {
		return "", fmt.Errorf("keep secret %s: %w", name, store.ErrSealed)
	}
	return mark + base64.StdEncoding.EncodeToString(s.aead.Seal(nil, nil, []byte(secret), []byte(name))), nil
}

func (s *Secrets) open(name, kept string) (string, error) {
	text, sealed := strings.CutPrefix(kept, mark)
	if kept == "" || !sealed {
		return kept, nil // it was kept before there were seals; SealPlain comes to it
	}
	if s.aead == nil {
		return "", fmt.Errorf("read secret %s: %w", name, store.ErrSealed)
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("read secret %s: %w", name, store.ErrSealed)
	}
	secret, err := s.aead.Open(nil, nil, b, []byte(name))
	if err != nil {
		return "", fmt.Errorf("read secret %s: %w", name, store.ErrSealed)
	}
	return string(secret), nil
}

func (s *Secrets) sealAll(secrets map[string]string) (map[string]string, error) {
	sealed := make(map[string]string, len(secrets))
	for name, secret := range secrets {
		var err error
		if sealed[name], err = s.seal(name, secret); err != nil {
			return nil, err
		}
	}
	return sealed, nil
}

// SaveSecrets implements [store.Secrets].
func (s *Secrets) SaveSecrets(ctx context.Context, secrets map[string]string) error {
	sealed, err := s.sealAll(secrets)
	if err != nil {
		return err
	}
	return s.records.SaveSecrets(ctx, sealed)
}

// SaveSettingAndSecrets implements [store.Secrets].
func (s *Secrets) SaveSettingAndSecrets(ctx context.Context, setting store.Setting, secrets map[string]string) (store.Setting, error) {
	sealed, err := s.sealAll(secrets)
	if err != nil {
		return store.Setting{}, err
	}
	return s.records.SaveSettingAndSecrets(ctx, setting, sealed)
}

// Secret implements [store.Secrets].
func (s *Secrets) Secret(ctx context.Context, name string) (string, error) {
	kept, err := s.records.Secret(ctx, name)
	if err != nil {
		return "", err
	}
	return s.open(name, kept)
}

// State is what SealPlain found and did.
type State struct {
	Sealed     int // secrets that were plain and are sealed now
	Plain      int // that stay plain, because there is no key
	Unreadable int // that were sealed with another key
}

// scrubDue is kept among the secrets, under its own name, while traces of plain ones may
// be on disk.
const scrubDue = "scrub due"

// SealPlain seals what was kept before there were seals, and leaves nothing of it on
// disk. What another key has sealed stays as it is: the key may come back. After an
// error the next call goes on.
func (s *Secrets) SealPlain(ctx context.Context) (State, error) {
	kept, err := s.records.ListSecrets(ctx)
	if err != nil {
		return State{}, err
	}
	_, due := kept[scrubDue]
	delete(kept, scrubDue)
	var st State
	plain := make(map[string]string)
	for name, text := range kept {
		_, err := s.open(name, text)
		switch {
		case err != nil:
			st.Unreadable++
		case strings.HasPrefix(text, mark):
		case s.aead == nil:
			st.Plain++
		default:
			plain[name] = text
		}
	}
	if len(plain) > 0 {
		sealed, err := s.sealAll(plain)
		if err != nil {
			return st, err
		}
		sealed[scrubDue] = scrubDue
		if err := s.records.SaveSecrets(ctx, sealed); err != nil {
			return st, err
		}
		st.Sealed, due = len(plain), true
	}
	if !due {
		return st, nil
	}
	if err := s.records.Scrub(ctx); err != nil {
		return st, fmt.Errorf("remove traces of plain secrets: %w", err)
	}
	return st, s.records.SaveSecrets(ctx, map[string]string{scrubDue: ""})
}
