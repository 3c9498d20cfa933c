package sensors

import (
	"fmt"
	"unicode/utf8"
)

// MaxKindKeyBytes bounds a KindKey.
const MaxKindKeyBytes = 64

// ValidDeviceID reports whether s can name a device: see [DeviceID].
func ValidDeviceID(s string) bool {
	if len(s) == 0 || len(s) > MaxDeviceIDBytes || !utf8.ValidString(s) || s == "." || s == ".." {
		return false
	}
	for _, r := range s {
		switch {
		case r == '/' || r == '+' || r == '#':
			return false
		case r < 0x20 || (r >= 0x7f && r <= 0x9f):
			return false
		}
	}
	return true
}

// ValidKindKey reports whether s can be a [KindKey]: 1 to [MaxKindKeyBytes]
// lower-case letters, digits and '_', beginning with a letter.
func ValidKindKey(s string) bool {
	if len(s) == 0 || len(s) > MaxKindKeyBytes || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// ParseDatum reads the name that sources use: "wgs84", "gcj02" or "bd09".
func ParseDatum(s string) (Datum, error) {
	switch s {
	case "wgs84":
		return WGS84, nil
	case "gcj02":
		return GCJ02, nil
	case "bd09":
		return BD09, nil
	}
	return NoDatum, fmt.Errorf("datum %.40q is none of wgs84, gcj02, bd09", s)
}

// String returns the name that ParseDatum reads, "" for NoDatum.
func (d Datum) String() string {
	switch d {
	case WGS84:
		return "wgs84"
	case GCJ02:
		return "gcj02"
	case BD09:
		return "bd09"
	}
	return ""
}
