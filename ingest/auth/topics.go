// Package auth says who may publish and read what at the broker: credentials,
// their passwords, and the topics that go with them.
package auth

import (
	"strings"

	"github.com/urbangrid/urbangrid/sensors"
)

// own is the topic below which a device publishes.
func own(id sensors.DeviceID) string { return "urbangrid/v1/" + string(id) }

// Principal is somebody who has proved who they are: a device, or a gateway or
// network server that speaks for many.
type Principal struct {
	User     string
	Device   sensors.DeviceID // "" for a gateway or network server
	Prefixes []string         // whole levels, without a '/' at the end
}

// MayPublish reports whether the principal may publish on topic: a device below
// its own topic, anybody below their prefixes.
func (p Principal) MayPublish(topic string) bool {
	if topic == "" || strings.ContainsAny(topic, "+#\x00") {
		return false
	}
	return p.covers(topic)
}

// MaySubscribe reports whether the principal may read all that filter matches:
// what it may publish on, and nothing beside it. Shared subscriptions count as
// what they share.
func (p Principal) MaySubscribe(filter string) bool {
	if shared, ok := strings.CutPrefix(filter, "$share/"); ok {
		_, rest, found := strings.Cut(shared, "/")
		if !found {
			return false
		}
		filter = rest
	}
	if filter == "" || strings.ContainsRune(filter, 0) {
		return false
	}
	return p.covers(filter)
}

// covers reports whether the levels of name begin with those of the device's
// topic or of a prefix. A wildcard in name is a level like any other: it equals
// no level of a prefix, so it can only stand behind one.
func (p Principal) covers(name string) bool {
	if p.Device != "" && below(own(p.Device), name) {
		return true
	}
	for _, prefix := range p.Prefixes {
		if below(prefix, name) {
			return true
		}
	}
	return false
}

// below reports whether name is prefix and at least one level more.
func below(prefix, name string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	return ok && prefix != "" && strings.HasPrefix(rest, "/")
}

// ValidPrefix reports whether s can be the prefix of a gateway or network
// server: levels without wildcards, none of them empty, and not the broker's
// own ($SYS).
func ValidPrefix(s string) bool {
	if s == "" || len(s) > 256 || strings.HasPrefix(s, "$") || strings.ContainsAny(s, "+#\x00") {
		return false
	}
	for level := range strings.SplitSeq(s, "/") {
		if level == "" {
			return false
		}
	}
	return true
}
