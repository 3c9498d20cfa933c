package mqtt_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/ingest/mqtt"
)

// matches is MQTT 3.1.1, 4.7, word for word.
func matches(filter, topic string) bool {
	f, t := strings.Split(filter, "/"), strings.Split(topic, "/")
	if strings.HasPrefix(topic, "$") && (f[0] == "+" || f[0] == "#") {
		return false
	}
	for i, level := range f {
		if level == "#" {
			return true
		}
		if i == len(t) {
			return false
		}
		if level != "+" && level != t[i] {
			return false
		}
		if i == len(t)-1 && len(f) == i+2 && f[i+1] == "#" {
			return true // a/# matches its parent a
		}
	}
	return len(f) == len(t)
}

// everyTopic is all topics of up to four levels of a few names, an empty one too.
func everyTopic() []string {
	names := []string{"a", "b", "c", ""}
	topics := []string{"a", "b", "c", "$S"}
	for from, levels := 0, 1; levels < 4; levels++ {
		to := len(topics)
		for _, t := range topics[from:to] {
			for _, n := range names {
				topics = append(topics, t+"/"+n)
			}
		}
		from = to
	}
	return topics
}

// The names of filters are a and b, and a level that no filter names is c, so that
// a filter that does not cover another is always shown up by one of the topics.
func filterOf() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		levels := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "+", ""}), 1, 3).Draw(t, "levels")
		if levels[0] == "" {
			levels[0] = "$S"
		}
		if rapid.Bool().Draw(t, "deep") {
			levels[len(levels)-1] = "#"
		}
		return strings.Join(levels, "/")
	})
}

func TestPlan_KnowsWhichFiltersCoverAndMeetEachOther(t *testing.T) {
	topics := everyTopic()
	rapid.Check(t, func(t *rapid.T) {
		a, b := filterOf().Draw(t, "a"), filterOf().Draw(t, "b")
		covers, meets := true, false
		for _, topic := range topics {
			if matches(b, topic) {
				covers = covers && matches(a, topic)
				meets = meets || matches(a, topic)
			}
			if got := mqtt.Covers(a, topic); got != matches(a, topic) {
				t.Errorf("%q covers topic %q: %v", a, topic, got)
			}
		}
		if a == "+/#" && b == "#" {
			covers = false // of two that are the same one must stay
		}
		if got := mqtt.Covers(a, b); got != covers {
			t.Errorf("%q covers %q: got %v, want %v", a, b, got, covers)
		}
		if got := mqtt.Meets(a, b); got != meets {
			t.Errorf("%q meets %q: got %v, want %v", a, b, got, meets)
		}
	})
}

func TestPlan_ReadsNothingTwiceAndInOrderWhatNeedsIt(t *testing.T) {
	for _, c := range []struct {
		name                            string
		filters, ordered, shared, order []string
	}{
		{"apart", []string{"urbangrid/v1/#"}, []string{"spBv1.0/#"}, []string{"urbangrid/v1/#"}, []string{"spBv1.0/#"}},
		{"named twice", []string{"spBv1.0/#", "a/+"}, []string{"spBv1.0/#"}, []string{"a/+"}, []string{"spBv1.0/#"}},
		{"a part of it is named", []string{"spBv1.0/g/+/n"}, []string{"spBv1.0/#"}, nil, []string{"spBv1.0/#"}},
		{"everything is asked for", []string{"#", "urbangrid/v1/#"}, []string{"spBv1.0/#"}, nil, []string{"#"}},
		{"they meet", []string{"+/x/#", "y/x"}, []string{"spBv1.0/+/n"}, nil, []string{"+/x/#", "spBv1.0/+/n"}},
		{"the broker's own are apart", []string{"$SYS/#"}, []string{"#"}, []string{"$SYS/#"}, []string{"#"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			shared, order := mqtt.Plan(c.filters, c.ordered)
			if diff := cmp.Diff([][]string{c.shared, c.order}, [][]string{shared, order}); diff != "" {
				t.Errorf("shared and ordered (-want +got):\n%s", diff)
			}
		})
	}
}
