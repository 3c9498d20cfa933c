package mqtt

import (
	"slices"
	"strings"
)

// plan says which topic filters are subscribed to. shared is read by every
// connection of a group, ordered by the first connection of instance 0 alone:
// a broker hands the messages of a shared subscription to its members as it likes,
// and only what comes over one connection is in order.
//
// Filters that another one covers are left out, since a broker may send the
// messages of both. A filter that meets an ordered one is ordered too: otherwise
// its copies of those messages would come over any connection.
type plan struct {
	shared, ordered []string
}

func newPlan(filters, ordered []string) plan {
	all := slices.Concat(filters, ordered)
	slices.Sort(all)
	all = slices.Compact(all)
	var p plan
	for _, f := range all {
		switch {
		case slices.ContainsFunc(all, func(g string) bool { return g != f && covers(g, f) }):
		case slices.ContainsFunc(ordered, func(o string) bool { return meets(f, o) }):
			p.ordered = append(p.ordered, f)
		default:
			p.shared = append(p.shared, f)
		}
	}
	return p
}

// isOrdered reports whether messages on topic are read in order.
func (p *plan) isOrdered(topic string) bool {
	return slices.ContainsFunc(p.ordered, func(f string) bool { return covers(f, topic) })
}

// covers reports whether filter a matches every topic that b matches, which may be
// a topic itself. Of # and +/#, which match the same, only the first covers the other.
func covers(a, b string) bool {
	if hidden(a, b) {
		return false
	}
	for {
		x, restA, moreA := strings.Cut(a, "/")
		y, restB, moreB := strings.Cut(b, "/")
		switch {
		case x == "#":
			return true
		case y == "#", x != "+" && x != y:
			return false
		case !moreB:
			return !moreA || restA == "#" // a/# matches a, too
		case !moreA:
			return false
		}
		a, b = restA, restB
	}
}

// meets reports whether there are topics that both filters match.
func meets(a, b string) bool {
	if hidden(a, b) || hidden(b, a) {
		return false
	}
	for {
		x, restA, moreA := strings.Cut(a, "/")
		y, restB, moreB := strings.Cut(b, "/")
		switch {
		case x == "#", y == "#":
			return true
		case x != "+" && y != "+" && x != y:
			return false
		case !moreA && !moreB:
			return true
		case !moreA:
			return restB == "#"
		case !moreB:
			return restA == "#"
		}
		a, b = restA, restB
	}
}

// hidden reports whether b begins with a level of the broker's own, such as $SYS,
// which a wildcard in front of a does not match (MQTT 3.1.1, 4.7.2).
func hidden(a, b string) bool {
	return strings.HasPrefix(b, "$") && (strings.HasPrefix(a, "#") || strings.HasPrefix(a, "+"))
}
