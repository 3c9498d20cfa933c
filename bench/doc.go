// Package bench measures the product side by side: each benchmark runs once, on
// loopback, with real parts, and prints one JSON object for each figure:
// {"name":…,"value":…,"unit":…}. Run it with `make bench`, which ends with a table
// of the figures beside their limits, and with an error when one was exceeded.
package bench
