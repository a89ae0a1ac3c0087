// Package inputtest holds what every pausable input promises, and the one suite
// that each of them passes, on a real server.
//
// An input takes part by a Row in a test of its own package. What its source
// cannot do the row names, with the reason, and the suite proves that it is so:
// no check is left out.
package inputtest

import "github.com/redpanda-data/benthos/v4/public/service"

// Input is a pausable input, as its constructor returns it. The host calls
// Connect, ReadBatch and Close in turn, and Connect again when ReadBatch says
// ErrNotConnected; the gate calls the input at any time; acknowledgements come
// from any goroutine, in any order, late or never.
//
// Delivery. ReadBatch waits for records; it returns neither an empty batch nor
// an error that only means waiting. The records of one ordered source come in
// its order. What was acknowledged is told to the server within a moment; from then
// on it never comes again, neither to this input nor to the next one, whatever
// happens. What is known of where a record stands stays the same however often it
// is delivered.
//
// Pause. An input joins the gate of its stream before it takes anything in: one
// that connects while the gate is closed takes nothing. While the gate, or an
// operator, holds it, it hands over what it had taken in before and asks for
// nothing; the connection, the position and the membership of a group are kept,
// also over an outage of the server. It goes on when the last hold is given up,
// where it was: no gap, nothing twice. A source that keeps nothing loses what is
// published meanwhile; every record of that is counted as dropped.
//
// Yield. A source that keeps records hands nothing over that would bring the level above
// yield_threshold, says that it yields, and goes on when there is room. One that keeps
// nothing does not yield.
//
// Drain. The input hands over what it has taken in, or leaves it with the
// source, then ReadBatch returns ErrEndOfInput. It asks for nothing more, whether
// or not it was paused.
//
// End. When the context of ReadBatch ends it returns its error, and a batch never.
// Close works in every state: before Connect, after a failed one, connected,
// paused, drained, with unanswered records, without a server, and twice. It takes
// seconds at most. It settles what was acknowledged before, and leaves the gate
// when it is done. After that nothing is delivered, nothing of the gate is heard,
// and late acknowledgements do no harm. What was not acknowledged goes back: the
// next input of the same name gets it, and all that follows, where the source
// keeps records.
//
// Stop. The host gives one context to Connect and to every ReadBatch, and its end says
// that the input is to stop. ReadBatch may not be called any more then, and Close only
// when everything is answered, which may be never. From then on the input takes nothing
// in: what it has, and nobody has read, goes back, or is counted as dropped where the
// source keeps nothing. What was read can still be acknowledged.
//
// Faults. The link is down, with an error that says why, while the server is
// away, a permission is missing, or the source does not exist; the input goes on
// by itself when that is over, and the link is up. A source that is deleted and
// made anew is read from its start. A slow link makes records come late, not
// twice.
//
// Rejection. A record that is answered with an error is not settled. It comes
// again: to this input, or, where a source has nothing but a position, to the
// next one, with all that follows it. What was acknowledged before a rejected
// record does not come again.
//
// Neighbours. Inputs of several gates in one process know nothing of each other.
// An input takes the place of another one of the same name that is still there,
// or drains, without a gap; the gate holds it like any other.
type Input interface {
	service.BatchInput
}
