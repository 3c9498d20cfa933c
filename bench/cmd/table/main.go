// Command table passes the figures of `make bench` through, prints them as a table
// beside their limits, and fails when one was exceeded.
package main

import (
	"fmt"
	"os"

	"github.com/urbangrid/urbangrid/bench"
)

func main() {
	if err := bench.Table(os.Stdout, os.Stderr, os.Stdin); err != nil {
		fmt.Fprintf(os.Stderr, "\nbench: %v\n", err)
		os.Exit(1)
	}
}
