package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of one hash: 8 MiB and one pass, a few milliseconds. Passwords are
// issued with 160 random bits, which nobody guesses at any cost; the hash keeps
// a stolen file from being a list of passwords. So a district whose devices all
// come back after a restart is let in within minutes.
const (
	hashTime      = 1
	hashMemoryKiB = 8 << 10
	hashThreads   = 1
	hashBytes     = 32
	saltBytes     = 16
)

// NewPassword returns a password of 160 random bits, letters and digits that
// people can tell apart.
func NewPassword() string { return rand.Text() + rand.Text()[:6] }

// Hash returns what is kept of a password, in the PHC string format.
func Hash(password []byte) string {
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	key := argon2.IDKey(password, salt, hashTime, hashMemoryKiB, hashThreads, hashBytes)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemoryKiB, hashTime, hashThreads,
		b64.EncodeToString(salt), b64.EncodeToString(key))
}

// The most that a hash may cost: more comes from a broken or hostile file.
const (
	maxTime      = 16
	maxMemoryKiB = 1 << 20
	maxThreads   = 16
)

// verify reports whether hash is of password; a hash that cannot be read is of
// none.
func verify(hash string, password []byte) bool {
	part := strings.Split(hash, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return false
	}
	var memory, passes uint32
	var threads uint8
	if n, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads); err != nil || n != 3 {
		return false
	}
	if passes < 1 || passes > maxTime || memory < 8 || memory > maxMemoryKiB || threads < 1 || threads > maxThreads {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(part[4])
	if err != nil {
		return false
	}
	want, err := base64.RawStdEncoding.DecodeString(part[5])
	if err != nil || len(want) < 16 || len(want) > 128 {
		return false
	}
	got := argon2.IDKey(password, salt, passes, memory, threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1
}
