package sealed

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// keyBytes is the length of a key of AES-256.
const keyBytes = 32

// Key seals and opens secrets. The zero Key does neither.
type Key struct {
	secret []byte // keyBytes long, or nil
}

// OpenKey reads the key from the file at path, and makes one that is the owner's alone
// when there is no such file; made says so. An existing file that holds no key is left
// as it is, with an error.
func OpenKey(path string) (k Key, made bool, err error) {
	k, err = ReadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, false, err
	}
	if k, err = makeKey(path); err != nil {
		return Key{}, false, fmt.Errorf("make secret key file: %w", err)
	}
	return k, true, nil
}

// ReadKey reads the key from the file at path. Errors: fs.ErrNotExist.
func ReadKey(path string) (Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("secret key file: %w", err)
	}
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) != keyBytes {
		return Key{}, fmt.Errorf("secret key file %s does not hold %d bytes in base64", path, keyBytes)
	}
	return Key{secret}, nil
}

// makeKey writes a new key to a file at path, whole or not at all: it is on disk before
// it is used, or what it seals could be lost with the power.
func makeKey(path string) (Key, error) {
	secret := make([]byte, keyBytes)
	_, _ = rand.Read(secret) // never fails
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-key-*")
	if err != nil {
		return Key{}, err
	}
	defer func() { _ = os.Remove(f.Name()) }() // a second name of the key, or of nothing
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(secret) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return Key{}, err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return Key{}, err
	}
	return Key{secret}, syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
