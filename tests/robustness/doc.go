// Package robustness runs the built bridge between real servers while things go wrong,
// and accounts for every record: what was published is stored, dead-lettered or
// counted, as docs/delivery.md promises, or the run fails. It writes
// docs/robustness.md.
//
//	traffic    publishes numbered records, and keeps their history
//	faults     makes things go wrong, by a script or by a seed
//	model      says what may become of each record
//	validate   finds out what did
//	report     writes it down
//
// This package sets the scene: servers that all runs share, and for each run tables,
// topics, streams and a bridge of its own. A run is repeated by its seed, which draws
// sizes, rates and faults: make robustness SEED=n; or by its script, which the log
// has: go test -tags long -run TestScript ./tests/robustness -args -setup name -script '...'.
// What a run that fails leaves behind, its history, the logs of the bridge and the
// last figures of /health, is in a folder that the failure names.
package robustness
