package evaluate

// Place is a hotspot that was found where nobody knows the truth.
type Place struct{}
