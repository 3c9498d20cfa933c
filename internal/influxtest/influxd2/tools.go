//go:build tools

// Package influxd2 keeps the versions of the InfluxDB 2 server and of the tool
// that builds its Rust part.
package influxd2

import (
	_ "github.com/influxdata/influxdb/v2/cmd/influxd"
	_ "github.com/influxdata/pkg-config"
)
