// Package count judges how surprising a number of events is: tails and quantiles
// of the distributions of counts, the same with an expectation that is itself
// uncertain, and the two classical detectors of public health for one series of
// counts, EARS and Farrington flexible.
//
// Everything here is a pure function of its arguments and safe for concurrent
// use. What each method says and does not say is in docs/analytics/count.md.
package count
