// Package e2e holds the acceptance tests: the built binary and YAML against
// real servers. A test starts data-bridge as a user does, looks at its log, its
// /health and its exit code, and counts by SQL over sequence numbers what
// arrived. ClickHouse is stalled, stopped and restarted for real.
//
//	normal_test      1  all streams flow, nothing pauses
//	pause_test       2  ClickHouse stalls: every input stops fetching
//	                 3  ClickHouse goes on: every input fetches again
//	hysteresis_test  4  nothing happens between the thresholds
//	alert_test       5  a long pause is alerted
//	shutdown_test    6  SIGTERM: what is held is stored, or comes again
//	delivery_test    7  no gap, no duplicate, every drop counted
//	memory_test      8  bounded memory under a burst
//
// page_test shows that the live page tells the same in a real browser.
//
// What concerns the wire or the server's types runs on both ClickHouse engines
// of tests/stack. No test asserts how long anything takes.
package e2e
