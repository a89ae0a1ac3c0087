// Package stack runs the real servers that data-bridge talks to, for tests
// and for cmd/devstack: NATS with JetStream, Apache Kafka, ClickHouse and a
// proxy that breaks connections on demand. No Docker and no root is needed.
//
// chDB is the current ClickHouse engine without its server: chdbserver, in this
// folder, gives it both protocols, and shows faults that a real server cannot be
// made to show (FaultyClickHouse).
//
// Everything listens on 127.0.0.1 with free ports. What a server needs is
// fetched once into the cache folder (.cache in the repository's root, or
// DATA_BRIDGE_CACHE) with progress on stderr. Several test processes may do so
// at the same time.
//
// Whoever starts a server closes it. Tests of one package share servers
// through [Shared] and end them in TestMain:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(stack.Main(m)) }
package stack
