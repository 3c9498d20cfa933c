package sensors

import "errors"

// ErrInvalidCredential marks a credential that cannot be issued as asked.
var ErrInvalidCredential = errors.New("invalid credential")

// Credential is what lets a device, a gateway or a network server in. The
// password itself is nowhere kept.
type Credential struct {
	User     string
	Hash     string   // of the password, in the PHC string format
	Device   DeviceID // publishes under its own topic; "" for a gateway or a network server
	Prefixes []string // topic prefixes of a gateway or network server, whole levels, e.g. "application/7"
}
