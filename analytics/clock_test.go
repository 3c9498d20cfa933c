package analytics_test

import "time"

// pass lets fake time go on by d and a moment, so that what is due after d has
// happened when it returns.
func pass(d time.Duration) { time.Sleep(d + time.Millisecond) }
