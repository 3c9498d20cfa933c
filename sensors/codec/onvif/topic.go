package onvif

import "strings"

// The payload prefixes that the specification defines: events and metadata.
const (
	eventPart    = "/onvif-ej/"
	metadataPart = "/onvif-mj/"
)

// Topic is an MQTT topic of an ONVIF device taken apart.
type Topic struct {
	Prefix   string // TopicPrefix: one or more levels, as it was configured in the device
	Metadata bool   // onvif-mj rather than onvif-ej
	Local    string // the ONVIF topic without the namespace of ONVIF, e.g. "RuleEngine/LineDetector/Crossed"
	Source   string // the values of the source items, joined by '/'; "" for none
}

// ParseTopic reads TopicPrefix "/" PayloadPrefix "/" LocalTopic [ "/&" Source ].
func ParseTopic(topic string) (Topic, bool) {
	var t Topic
	var rest string
	i, j := strings.Index(topic, eventPart), strings.Index(topic, metadataPart)
	switch {
	case i > 0 && (j < 0 || i < j):
		t.Prefix, rest = topic[:i], topic[i+len(eventPart):]
	case j > 0:
		t.Prefix, rest = topic[:j], topic[j+len(metadataPart):]
		t.Metadata = true
	default:
		return Topic{}, false
	}
	t.Local, t.Source, _ = strings.Cut(rest, "/&")
	t.Local = strings.TrimPrefix(t.Local, "tns1:")
	return t, t.Local != ""
}
