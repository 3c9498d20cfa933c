// Package bench measures the product side by side: each benchmark runs once, on
// loopback, with real parts, and prints one JSON object for each figure:
// {"name":…,"value":…,"unit":…}. Run it with `make bench`.
package bench
