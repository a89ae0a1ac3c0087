package robustness

import "github.com/data-bridge-io/data-bridge/tests/stack"

// Setup is what a run has: a ClickHouse, and the sources of the bridge.
type Setup struct {
	Name    string
	Engine  string // of stack's kinds
	Native  bool   // speaks the native protocol to the stand-in
	Ordered bool   // preserve_order
	Sources []string
	// Slow divides the rates.
	Slow int
}

// The sources that there are.
const (
	core    = "core"     // core NATS
	latest  = "latest"   // core NATS that keeps the newest of each key in a pause
	jet     = "jet"      // JetStream on one node
	jetAll  = "jet_all"  // the same, ack_policy all
	cluster = "cluster"  // JetStream on three nodes
	kafka   = "kafka"    // Apache Kafka 3.9, classic groups
	next    = "next"     // the newest Apache Kafka, consumer groups of KIP-848
	once    = "once"     // Apache Kafka 3.9, exactly_once
	onceNew = "once_new" // the newest Apache Kafka, exactly_once
)

// Setups are what runs of TestRobustness take turns in.
var Setups = []Setup{
	{Name: "classic-http", Engine: stack.KindChDB, Sources: []string{core, jet, kafka}},
	{Name: "once-native", Engine: stack.KindChDB, Native: true, Ordered: true, Sources: []string{once}},
	{Name: "cluster-native", Engine: stack.KindChDB, Native: true, Ordered: true, Sources: []string{core, cluster, kafka}},
	{Name: "classic-legacy", Engine: stack.KindLegacy, Ordered: true, Sources: []string{core, jetAll, kafka}},
	{Name: "next-http", Engine: stack.KindChDB, Ordered: true, Sources: []string{jet, next}},
	{Name: "once-new-http", Engine: stack.KindChDB, Sources: []string{onceNew, latest}},
}
