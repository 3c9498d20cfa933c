//go:build race

package brokerbench_test

// maxConnectionBytes is more here: the race detector keeps its own books.
const maxConnectionBytes = 256 << 10
