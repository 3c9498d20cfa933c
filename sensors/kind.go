package sensors

// KindKey names a kind of the catalogue: lower-case letters, digits and '_'.
type KindKey string

// KindType tells quantities from happenings.
type KindType string

// A measure has a level at all times and is averaged; an event happens and is
// counted, and is reported only when it happens: its value is never 0.
const (
	Measure KindType = "measure"
	Event   KindType = "event"
)

// Direction says which way of a kind's value is bad for the city.
type Direction string

// The directions a kind can state.
const (
	HighIsBad    Direction = "high"
	LowIsBad     Direction = "low"
	NeitherIsBad Direction = ""
)

// Names is a text in the two languages people read.
type Names struct {
	ZH string `yaml:"zh" json:"zh"`
	EN string `yaml:"en" json:"en"`
}

// Kind is one observed property of the catalogue.
type Kind struct {
	Key       KindKey    `yaml:"key"`
	Names     Names      `yaml:"names"`
	Type      KindType   `yaml:"type"`
	Unit      string     `yaml:"unit"`       // UCUM code, e.g. "dB[SPL]", "ug/m3", "1"
	UnitLabel Names      `yaml:"unit_label"` // what people see, e.g. "µg/m³"
	Range     [2]float64 `yaml:"range"`      // valid values, both ends included
	Scale     [2]float64 `yaml:"scale"`      // at the two ends of the legend: a measure's level, or a count of events
	Bad       Direction  `yaml:"bad"`
	ClassCode string     `yaml:"class_code"` // set, component or event, code: "gbt47678.5/event/06028"; "" when it has none
}
