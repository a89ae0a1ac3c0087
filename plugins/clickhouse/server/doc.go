// Package server talks to ClickHouse: it knows servers and blocks of columns,
// and nothing of records, of retries or of the program around it.
//
// It holds what is between a block and the wire: the replicas of a shard and the
// choice among them (Cluster), their breakers and connections, what a server can
// do (Features), reading a table's columns and its deduplication window, sending
// one INSERT, and what an error means (Classify).
//
// Rows that lack different columns, whose defaults the server is to work out, are one
// INSERT too: they come as an external table, of which a SELECT makes the rows.
//
// A block is encoded once: its columns hold the layout of the Native format, and
// go to the wire as they are, in pieces that are compressed in frames of at most
// a mebibyte. Both protocols are spoken here, over net and net/http with ch-go's
// encoding of packets: the one thing that inserts need and no driver offers is
// an end. Whatever a peer does, or fails to do, a call ends with its time-out or
// its context, and nothing that a peer sends is taken at its word: lengths are
// bounded, an HTTP status of 200 is not yet success, and a panic is an error of
// the call.
//
// It may import column, for blocks and types, and nothing else of this program.
package server
