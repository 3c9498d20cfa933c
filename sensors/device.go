package sensors

import "time"

// Device is one entry of the register.
type Device struct {
	ID       DeviceID
	Name     string
	Position Position  // registered place; the zero Position when it moves or none is known
	Auto     bool      // entered by itself on its first observation, not by a person
	LastSeen time.Time // received time of its newest observation, zero when it never spoke
}
