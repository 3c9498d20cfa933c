//go:build !race

package brokerbench_test

const maxConnectionBytes = 48 << 10
