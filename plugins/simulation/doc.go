// Package simulation plays whole streams in virtual time: the inputs, the buffer and the
// output of the bundle in the real engine, between a simulated Kafka and a simulated
// ClickHouse, over a simulated network. It has tests only.
package simulation
