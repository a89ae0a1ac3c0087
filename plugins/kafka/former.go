package kafka

import (
	"errors"
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"
)

// recordWeight is what the client keeps of a record beside its bytes.
const recordWeight = 256

// former collects the records of each partition and makes chunks of them, for
// exactly-once delivery. A chunk is closed when it holds so many records or
// bytes, or when its first record has waited for the period; but where chunks
// were announced before, by this member or by one that crashed, exactly those are
// formed first. A closed chunk never changes.
//
// While the most chunks of a partition are announced that may be, its next one grows
// instead of being closed, and when it is full the partition is not fetched, while the
// others are. A former is not safe for concurrent use.
type former struct {
	assignment *assignment
	count      int   // records in a chunk, at most
	bytes      int64 // a chunk is closed with so many bytes
	period     time.Duration
	link       *link
	log        *service.Logger

	runs    map[*partition]*run
	held    int64 // bytes in open chunks
	crowded bool  // some full chunk waits for others to be settled
}

// run is the open chunk of a partition.
type run struct {
	due     int64 // where it ends if others announced it, else below zero
	records []*kgo.Record
	bytes   int64
	since   time.Time // when its first record came
	next    int64     // the lowest offset that may follow
}

// add takes polled records over.
func (f *former) add(chunks []chunk, now time.Time) {
	for _, c := range chunks {
		part := c.part
		for _, record := range c.records {
			if record.Offset < f.runOf(part).next {
				if part = f.rewind(part, record.Offset); part == nil {
					break // given up meanwhile
				}
			}
			f.append(part, record, now)
		}
	}
}

func (f *former) append(part *partition, record *kgo.Record, now time.Time) {
	r := f.runOf(part)
	for r.due >= 0 && record.Offset >= r.due {
		f.closeDue(part, r)
	}
	if len(r.records) == 0 {
		r.since = now
	}
	r.records = append(r.records, record)
	r.next = record.Offset + 1
	f.weigh(r, int64(len(record.Key)+len(record.Value)+recordWeight))
	switch {
	case r.next == r.due:
		f.closeDue(part, r)
	case f.full(r) && part.intent.room():
		f.close(part, r, r.next)
	}
}

func (f *former) weigh(r *run, bytes int64) {
	r.bytes += bytes
	f.held += bytes
}

func (f *former) runOf(part *partition) *run {
	r := f.runs[part]
	if r == nil {
		r = &run{next: part.intent.begins()}
		r.look(part)
		f.runs[part] = r
	}
	return r
}

// look sees whether others announced where the chunk ends.
func (r *run) look(part *partition) {
	r.due = -1
	if end, ok := part.intent.due(); ok {
		r.due = end
	}
}

// rewind starts a partition anew whose offsets went back: its log was cut off
// or made anew, and what was announced of the old one means nothing any more.
func (f *former) rewind(part *partition, at int64) *partition {
	f.log.With("topic", part.topic, "partition", part.partition).
		Warn("The offsets of a Kafka partition went back: its log is not the one it was. Records that are stored already may be stored again")
	f.drop(part)
	return f.assignment.renew(part, at)
}

// full reports whether a chunk is large enough. Ones that were announced are as
// large as they are.
func (f *former) full(r *run) bool {
	return r.due < 0 && (len(r.records) >= f.count || r.bytes >= f.bytes)
}

// closeDue closes the open chunk where others announced it to end.
func (f *former) closeDue(part *partition, r *run) {
	if len(r.records) == 0 {
		f.log.With("topic", part.topic, "partition", part.partition, "before", r.due).
			Warn("Kafka no longer has the records of a chunk that was announced")
		part.intent.skip(r.due)
		r.look(part)
		return
	}
	f.close(part, r, r.due)
}

func (f *former) close(part *partition, r *run, end int64) {
	last := r.records[len(r.records)-1]
	part.intent.form(chunk{part: part, records: r.records, end: kgo.EpochOffset{Epoch: last.LeaderEpoch, Offset: end}, sealed: true})
	f.weigh(r, -r.bytes)
	r.records = nil
	r.look(part)
}

// take forms the chunks that are due, and says what they wait for.
func (f *former) take(now time.Time) {
	f.prune()
	heavy := f.held >= 2*f.bytes
	f.crowded = false
	for part, r := range f.runs {
		r.look(part)
		for r.due >= 0 && part.intent.trimmed(r.due) {
			f.closeDue(part, r)
		}
		due := f.full(r) || heavy || now.Sub(r.since) >= f.period
		if len(r.records) > 0 && r.due < 0 && due && part.intent.room() {
			f.close(part, r, r.next)
		}
		if f.full(r) {
			f.crowd(part)
		}
	}
}

// errRejectedAhead says that a partition will not go on in this session.
var errRejectedAhead = errors.New("a chunk was rejected, and as many behind it as may be are delivered: none of them can be committed before " +
	"the rejected one is delivered again, after a restart or by auto_replay_nacks")

// crowd lets a full chunk wait that may not be closed.
func (f *former) crowd(part *partition) {
	crowded, forever := f.assignment.crowd(part)
	f.crowded = f.crowded || crowded
	if forever {
		f.link.refuse(part.topicPartition, fmt.Errorf("partition %d of topic %q: %w", part.partition, part.topic, errRejectedAhead))
	}
}

// prune forgets partitions that are given up.
func (f *former) prune() {
	for part := range f.runs {
		if part.intent.gone() {
			f.drop(part)
		}
	}
}

func (f *former) drop(part *partition) {
	if r := f.runs[part]; r != nil {
		f.weigh(r, -r.bytes)
		delete(f.runs, part)
	}
}

// wait is how long until a chunk may be due by the clock, below zero when none
// will be. A chunk that may not be closed yet is looked at again after a period.
func (f *former) wait(now time.Time) time.Duration {
	wait := time.Duration(-1)
	for part, r := range f.runs {
		if len(r.records) == 0 || r.due >= 0 {
			continue
		}
		rest := max(0, f.period-now.Sub(r.since))
		if !part.intent.room() {
			rest = f.period
		}
		wait = sooner(wait, rest)
	}
	return wait
}
