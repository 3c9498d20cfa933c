// Command build-influxd builds the InfluxDB server that tests start, so that
// they need not wait for it, and prints where it is.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/urbangrid/urbangrid/internal/influxtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	path, err := influxtest.Build(ctx, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "build-influxd:", err)
		os.Exit(1)
	}
	fmt.Println(path)
}
