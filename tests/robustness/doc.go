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
// topics, streams and a bridge of its own. A run is made again by its seed, which draws
// sizes, bursts and faults: make robustness SEED=n; or by its script, which the log has:
//
//	go test -tags robustness -v -run '^TestRobustness$' ./tests/robustness -args \
//		-setup classic-http -seed 1 -script '+clickhouse.stall ~1s bridge.kill -clickhouse.stall !'
//
// Choices are the same then, and what the processes and the machine make of them is
// not: how much is on its way when a fault comes differs from run to run. What a run
// that fails leaves behind, its history, its rows, the logs of the bridge and the last
// figures of /health, is in a folder that the failure names.
//
// A fault of the product that it finds is reduced to the smallest script, and kept in
// report/findings.yaml.
package robustness
