// Package traffic publishes numbered records and keeps the history of them: what
// the server acknowledged, what was refused, and of what nobody knows.
//
// It knows the clients of NATS and Kafka, and what a record looks like. It knows no
// ClickHouse, no bridge, and no fault: to it a fault is an error of a client.
//
// Records of a part (a partition, or a subject) are numbered from 1, and each is sent
// once: one whose outcome is unknown is not sent again. Their bytes are made of their
// numbers alone, so that whoever finds one can tell whether it is whole.
package traffic
