// Package faults makes things go wrong: each fault is a named thing with a beginning
// and an end, or a single act, and notes what the promises of docs/delivery.md depend
// on (model.Event). Faults happen alone or overlapping, by a script that somebody
// wrote or that a seed drew.
//
// It knows the servers, the links to them and the bridge as a process. It knows no
// record, and nothing of what should come of it all.
//
// Named by what they hit and how:
//
//	bridge       kill -9, SIGTERM and a new start, SIGSTOP
//	clickhouse   frozen, killed, restarted
//	store-link   cut, cut within a block, half-open, slow
//	wire         exceptions (too many parts, memory, read-only), an answer that is lost before
//	             and after the insert, one that never comes; the stand-in's only
//	nats         restarted; nats-link: cut, half-open, slow
//	cluster      a node lost, the leader of the stream steps down
//	kafka        frozen, killed, restarted; kafka-link: cut, half-open, slow
//	topic        trimmed, made anew, partitions added
//	stream       purged, made anew, its consumer deleted
//	table        altered, away and made anew
//	operator     inputs paused and resumed by hand
//	replica      another bridge that comes and goes
//	letters      the disk of the dead letters is full
//
// Not there yet: users that are locked, credentials that are rotated, reloads by -w,
// retention by time (the log is trimmed by hand), a proxy before each node of the
// cluster, and kill -9 of NATS, whose servers run in this process.
package faults
