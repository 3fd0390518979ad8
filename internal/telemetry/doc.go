// Package telemetry says how a transfer went and when it will be done: series of points and loss
// maps that get coarser as they get longer, and estimates. It is pure: samples come in, nothing is
// read or kept here.
package telemetry
