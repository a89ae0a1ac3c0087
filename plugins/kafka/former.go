package kafka

import (
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"
)

// mostAhead is how many chunks of a partition may be announced and not settled.
// It bounds the metadata of a commit: a hundred lengths take 2 KB at most.
const mostAhead = 100

// recordWeight is what the client keeps of a record beside its bytes.
const recordWeight = 256

// former collects the records of each partition and makes chunks of them, for
// exactly-once delivery. A chunk is closed when it holds so many records or
// bytes, or when its first record has waited for the period; but where chunks
// were announced before, by this member or by one that crashed, exactly those are
// formed first. A closed chunk never changes.
//
// While the most chunks of a partition are announced that may be, its next one
// grows instead of being closed. A former is not safe for concurrent use.
type former struct {
	assignment *assignment
	count      int   // records in a chunk, at most
	bytes      int64 // a chunk is closed with so many bytes
	period     time.Duration
	log        *service.Logger

	runs   map[*partition]*run
	held   int64 // bytes in open chunks
	closed []chunk
}

// run is the open chunk of a partition.
type run struct {
	promised []int64 // ends of chunks that were announced and are still to be formed
	records  []*kgo.Record
	bytes    int64
	since    time.Time // when its first record came
	next     int64     // the lowest offset that may follow
}

// add takes polled records over.
func (f *former) add(chunks []chunk, now time.Time) {
	for _, c := range chunks {
		part := c.part
		for _, record := range c.records {
			if record.Offset < f.runOf(part).next {
				if part = f.rewind(part); part == nil {
					break // given up meanwhile
				}
			}
			f.append(part, record, now)
		}
	}
}

func (f *former) append(part *partition, record *kgo.Record, now time.Time) {
	r := f.runOf(part)
	for len(r.promised) > 0 && record.Offset >= r.promised[0] {
		f.closePromised(part, r)
	}
	if len(r.records) == 0 {
		r.since = now
	}
	r.records = append(r.records, record)
	r.next = record.Offset + 1
	f.weigh(r, int64(len(record.Key)+len(record.Value)+recordWeight))
	switch {
	case len(r.promised) > 0 && r.next == r.promised[0]:
		f.closePromised(part, r)
	case f.full(r) && f.mayClose(part):
		f.close(part, r, r.next, false)
	}
}

func (f *former) weigh(r *run, bytes int64) {
	r.bytes += bytes
	f.held += bytes
}

func (f *former) runOf(part *partition) *run {
	r := f.runs[part]
	if r == nil {
		base, ends := f.assignment.promised(part)
		r = &run{promised: ends, next: base}
		f.runs[part] = r
	}
	return r
}

// rewind starts a partition anew whose offsets went back: its log was cut off
// or made anew, and what was announced of the old one means nothing any more.
func (f *former) rewind(part *partition) *partition {
	f.log.With("topic", part.topic, "partition", part.partition).
		Warn("The offsets of a Kafka partition went back: its log is not the one it was. Records that are stored already may be stored again")
	f.drop(part)
	return f.assignment.renew(part)
}

// full reports whether a chunk is large enough. Ones that were announced are as
// large as they are.
func (f *former) full(r *run) bool {
	return len(r.promised) == 0 && (len(r.records) >= f.count || r.bytes >= f.bytes)
}

// mayClose reports whether one more chunk of the partition may be announced.
func (f *former) mayClose(part *partition) bool {
	ahead := f.assignment.ahead(part)
	for _, c := range f.closed {
		if c.part == part && !c.announced {
			ahead++
		}
	}
	return ahead < mostAhead
}

// closePromised closes the open chunk where it was announced to end.
func (f *former) closePromised(part *partition, r *run) {
	end := r.promised[0]
	r.promised = r.promised[1:]
	if len(r.records) == 0 {
		f.log.With("topic", part.topic, "partition", part.partition, "before", end).
			Warn("Kafka no longer has the records of a chunk that was announced")
		f.assignment.forget(part, end)
		return
	}
	f.close(part, r, end, true)
}

func (f *former) close(part *partition, r *run, end int64, announced bool) {
	last := r.records[len(r.records)-1]
	f.closed = append(f.closed, chunk{
		part: part, records: r.records, end: kgo.EpochOffset{Epoch: last.LeaderEpoch, Offset: end}, announced: announced, sealed: true,
	})
	f.weigh(r, -r.bytes)
	r.records = nil
}

// take closes what is due and returns all closed chunks, those of a partition
// in their order.
func (f *former) take(now time.Time) []chunk {
	f.prune()
	crowded := f.held >= 2*f.bytes
	for part, r := range f.runs {
		due := f.full(r) || crowded || now.Sub(r.since) >= f.period
		if len(r.records) > 0 && len(r.promised) == 0 && due && f.mayClose(part) {
			f.close(part, r, r.next, false)
		}
	}
	chunks := f.closed
	f.closed = nil
	return chunks
}

// prune forgets partitions that are given up.
func (f *former) prune() {
	for part := range f.runs {
		if f.assignment.leaving(part) {
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
		if len(r.records) == 0 || len(r.promised) > 0 {
			continue
		}
		rest := max(0, f.period-now.Sub(r.since))
		if !f.mayClose(part) {
			rest = f.period
		}
		if wait < 0 || rest < wait {
			wait = rest
		}
	}
	return wait
}

// stuck reports whether something that is settled must make room before more
// is polled.
func (f *former) stuck() bool {
	for part, r := range f.runs {
		if f.full(r) && !f.mayClose(part) {
			return true
		}
	}
	return false
}
