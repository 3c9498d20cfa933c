package mqtt

// Covers and Meets are tested against a model.
var (
	Covers = covers
	Meets  = meets
)

// Plan returns what the connections of a group share and what is read in order.
func Plan(filters, ordered []string) (shared, inOrder []string) {
	p := newPlan(filters, ordered)
	return p.shared, p.ordered
}
