package sensorthings

import "strings"

// Topic is a topic of the MQTT extension of SensorThings taken apart.
type Topic struct {
	Datastream string // id without quotes; "" when the topic names all observations
	Multi      bool   // of a MultiDatastream
}

// String returns the datastream as it is written in topics, an id in quotes but
// for its quotes: Datastreams(1).
func (t Topic) String() string {
	if t.Multi {
		return "MultiDatastreams(" + t.Datastream + ")"
	}
	return "Datastreams(" + t.Datastream + ")"
}

// ParseTopic reads v1.0/… and v1.1/… topics that end in Observations: all of
// them, or those of one datastream, however one got to it.
func ParseTopic(topic string) (Topic, bool) {
	rest, ok := strings.CutPrefix(topic, "v1.1/")
	if !ok {
		if rest, ok = strings.CutPrefix(topic, "v1.0/"); !ok {
			return Topic{}, false
		}
	}
	if rest == "Observations" {
		return Topic{}, true
	}
	rest, ok = strings.CutSuffix(rest, "/Observations")
	if !ok {
		return Topic{}, false
	}
	id, multi, ok := entity(rest)
	return Topic{Datastream: id, Multi: multi}, ok
}

// entity returns the id in the last "Datastreams(id)" of a path.
func entity(path string) (id string, multi, ok bool) {
	id, ok = strings.CutSuffix(path, ")")
	if !ok {
		return "", false, false
	}
	i := strings.LastIndex(id, "Datastreams(")
	if i < 0 {
		return "", false, false
	}
	switch before := id[:i]; {
	case before == "" || strings.HasSuffix(before, "/"):
	case before == "Multi" || strings.HasSuffix(before, "/Multi"):
		multi = true
	default:
		return "", false, false
	}
	return unquote(id[i+len("Datastreams("):]), multi, true
}

// unquote takes the quotes of OData from a string id.
func unquote(id string) string {
	if len(id) >= 2 && id[0] == '\'' && id[len(id)-1] == '\'' {
		return strings.ReplaceAll(id[1:len(id)-1], "''", "'")
	}
	return id
}
