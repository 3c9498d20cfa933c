package store

import (
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// DeviceAction is what a person did to a device.
type DeviceAction string

// The actions.
const (
	DeviceEntered   DeviceAction = "entered" // it was not in the register before
	DeviceAdopted   DeviceAction = "adopted" // it had entered itself
	DeviceChanged   DeviceAction = "changed"
	PasswordIssued  DeviceAction = "password_issued"
	PasswordRevoked DeviceAction = "password_revoked"
	MessageReread   DeviceAction = "message_reread" // a quarantined message of it was given to ingest again
)

// DeviceChange is one thing that a person did to a device.
type DeviceChange struct {
	Number  int64 // of the change, ascending
	Device  sensors.DeviceID
	Version int64 // of the device after it
	At      time.Time
	By      string // who, "" when nobody said
	Action  DeviceAction
	Fields  []string // that are different since: "place", "maintenance", "name", …
}

// DeviceFields returns the names of the stated fields in which a and b differ,
// in the order of the struct.
func DeviceFields(a, b *sensors.Device) []string {
	var fields []string
	differ := func(field string, differs bool) {
		if differs {
			fields = append(fields, field)
		}
	}
	differ("name", a.Name != b.Name)
	differ("place", a.Position != b.Position)
	differ("profile", a.Profile != b.Profile)
	differ("kinds", !slices.Equal(a.Kinds, b.Kinds))
	differ("owner", a.Owner != b.Owner)
	differ("area", a.Area != b.Area)
	differ("installed", !a.Installed.Equal(b.Installed))
	differ("maintenance", !slices.EqualFunc(a.Maintenance, b.Maintenance, func(m, n sensors.Maintenance) bool {
		return m.From.Equal(n.From) && m.To.Equal(n.To) && m.Note == n.Note
	}))
	differ("interval", a.Interval != b.Interval)
	differ("tags", !slices.Equal(a.Tags, b.Tags))
	differ("auto", a.Auto != b.Auto)
	return fields
}
