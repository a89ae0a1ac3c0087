// Package e2e holds the acceptance tests: the built binary and YAML against
// real servers. A test starts data-bridge as a user does, looks at its log, its
// /health and its exit code, and counts by SQL over sequence numbers what
// arrived. ClickHouse is stalled, stopped and restarted for real.
package e2e
