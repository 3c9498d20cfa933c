package jsonmap

import "github.com/urbangrid/urbangrid/sensors"

// Config is a mapping file.
type Config struct {
	Mappings []Mapping `yaml:"mappings"` // the first whose topics fit reads a message
}

// Mapping says how the messages of some topics are read.
type Mapping struct {
	Name string `yaml:"name"` // for messages about this mapping

	// Topics are MQTT filters. A level "{name}" fits like '+' and gives what it
	// stands for a name.
	Topics []string `yaml:"topics"`

	// Each leads to the records of a message: an array has one in each element.
	// "" means the message itself, which may be an array too. A step "*" goes
	// through all elements or fields there; its keys can name devices.
	Each string `yaml:"each"`

	Device   Device           `yaml:"device"`
	Time     *Time            `yaml:"time"`     // nil: the time received
	Position *Position        `yaml:"position"` // nil: the registered place
	ID       Paths            `yaml:"id"`       // the source's name of a record
	Values   []Value          `yaml:"values"`
	Attrs    map[string]Paths `yaml:"attrs"`
	Health   Health           `yaml:"health"`
	Presence *Presence        `yaml:"presence"`

	// IgnoreEmpty makes nothing, instead of a fault, of a record that has none of
	// Values: for topics on which other devices say other things.
	IgnoreEmpty bool `yaml:"ignore_empty"`
}

// Device says which device a record is of: exactly one of Topic, Path, Key and
// Fixed. Characters that a device id cannot have become '.'.
type Device struct {
	Topic  string `yaml:"topic"` // name of a level in Topics
	Path   Paths  `yaml:"path"`
	Key    int    `yaml:"key"` // 1 for what the first "*" of Each stood for
	Fixed  string `yaml:"fixed"`
	Prefix string `yaml:"prefix"` // put in front
}

// Time says when a record was measured.
type Time struct {
	Path Paths `yaml:"path"`

	// Format is "rfc3339" (also ""), "epoch_s", "epoch_ms", "epoch_us", or a
	// layout of Go's time package such as "2006-01-02 15:04:05".
	Format string `yaml:"format"`
	Zone   string `yaml:"zone"` // IANA name, for layouts without an offset; "" means UTC
}

// Position says where a record was measured.
type Position struct {
	Lat   Paths  `yaml:"lat"` // degrees
	Lon   Paths  `yaml:"lon"`
	Datum string `yaml:"datum"` // wgs84, gcj02 or bd09; must be stated
}

// Value is one value of a record. A record that has none of a mapping's values
// is a fault, unless the mapping has IgnoreEmpty; one that has some is not.
type Value struct {
	Path Paths           `yaml:"path"`
	Kind sensors.KindKey `yaml:"kind"`
	Unit string          `yaml:"unit"` // of the value after Scale and Offset; "" means the kind's own

	Scale  *float64 `yaml:"scale"`  // factor; nil means 1
	Offset float64  `yaml:"offset"` // added after Scale

	// Words says what texts mean, in Unit; null means that there is no value.
	// Other texts must be numbers. Neither Scale nor Offset applies.
	Words map[string]*float64 `yaml:"words"`

	Suffix string `yaml:"suffix"` // put behind the device id, for a second probe of one kind
}

// Health says what a record tells about the device itself.
type Health struct {
	Battery Paths `yaml:"battery_percent"`
	Signal  Paths `yaml:"signal_dbm"`
}

// Presence says what a message tells about whether the device is there.
type Presence struct {
	Path    Paths    `yaml:"path"` // nil: the whole message is the word, JSON or not
	Online  []string `yaml:"online"`
	Offline []string `yaml:"offline"`
}
