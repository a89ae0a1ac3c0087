// Package lane is the way into one table: jobs wait here in the order they came,
// leave together as far as they may, and what fails waits here for its next
// attempt. It knows jobs with a size and loads that are attempted; of ClickHouse,
// of records and of Benthos it knows nothing.
//
// Every lane has its own back-off and its own width, so that a table in trouble
// holds nothing up but itself.
//
// Jobs that wait together leave together, as one load: the slower the server, the
// larger the loads, up to a bound in rows and in bytes. While something waits for
// a retry, nothing overtakes it, and one load at a time probes whether the trouble
// is over.
//
// The width is how many loads may be under way at a time. It follows the additive
// increase and multiplicative decrease of TCP (Chiu and Jain, 1989): halved when
// the server is overloaded, and widened by one with every widthful of successes.
package lane

import (
	"context"
	"time"
)

// Job is what one caller brings. The lane never parts one.
type Job interface {
	// Context is the caller's: when it ends, the job is taken back.
	Context() context.Context
	// Size is how many rows it has, and how many bytes they are made of.
	Size() (rows, bytes int)
	// Alone says that it shares its load with no other job.
	Alone() bool
	// Fail ends a job that was never attempted. It is called once, without
	// any lock of the lane's but that of its queue: it must not call the lane.
	Fail(err error)
}

// Load is jobs that leave together, and how far they have come. Its methods are
// called by one goroutine at a time.
type Load[J Job] interface {
	// Take adds jobs: at first, and again after an attempt whose outcome said
	// that others may join.
	Take(jobs []J)
	// Attempt goes on where the attempt before ended. It must return soon after
	// ctx has ended.
	Attempt(ctx context.Context) Outcome
	// Part takes the load apart into loads that are attempted one by one, in
	// their order; it returns nil, and leaves the load as it is, when that cannot
	// be done, or would make one load of it again. A load that was taken apart is
	// not used any more.
	Part() []Load[J]
	// Jobs are the jobs of the load, in their order.
	Jobs() []J
	// Finish ends every job of the load. The error says why what is not done is
	// not; nil that all is. Attempts counts those that were made.
	Finish(err error, attempts int)
}

// Outcome is how an attempt ended.
type Outcome struct {
	// Err is nil when everything is done. Otherwise the load is attempted again.
	Err error
	// Slow says that the server is overloaded: fewer loads at a time from now on,
	// and a longer wait.
	Slow bool
	// Patient says that the next attempt waits as long as any does.
	Patient bool
	// Untouched says that nothing of the load can have been stored, in this
	// attempt or an earlier one, so that it may go on in other company.
	Untouched bool
	// TooLarge says that the load is to be taken apart, if it can be.
	TooLarge bool
}

// Rules say what leaves together and how a failed load is attempted again.
type Rules struct {
	Backoff Backoff
	// MaxRetries is how often a load is attempted again before its jobs are handed
	// back with the error; 0 means for ever. With a bound, jobs never share a
	// load, so that a job which is handed back and comes again makes the same one.
	MaxRetries int
	// Width is how many loads may be under way at a time, at least 1.
	Width int
	// Rows and Bytes bound the jobs that leave together. One job leaves in any case.
	Rows, Bytes int
}

// Queue is what waits for a retry, or behind one.
type Queue struct {
	// Jobs is how many there are, and Rows how many rows they have; the rest is about
	// the load that is first.
	Jobs, Rows int
	// Since is when it was formed, Attempts how often it was attempted, and Last
	// how its last attempt ended.
	Since    time.Time
	Attempts int
	Last     Outcome
}

// Attempted is what a lane tells of an attempt.
type Attempted struct {
	Outcome
	// Number counts the attempts of this load, from 1.
	Number int
	// Again says that the load will be attempted again.
	Again bool
	// GivenUp says that the load was given up by the caller of one of its jobs, or
	// that the lane ends: the error means no more than that.
	GivenUp bool
}
