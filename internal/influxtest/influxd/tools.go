//go:build tools

// Package influxd pins the InfluxDB server that tests build and run.
package influxd

import _ "github.com/influxdata/influxdb/cmd/influxd"
