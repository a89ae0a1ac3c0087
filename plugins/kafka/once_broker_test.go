package kafka

import (
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// onceLife is what became of the records of a partition until its topic is made anew.
type onceLife struct {
	id        byte
	records   []int64 // ever produced, with gaps
	start     int64   // the log begins here
	next      int64
	delivered [][]int64      // the chunks, by any member
	known     map[int64]bool // records that were delivered, or counted as lost, or that nobody could know of
}

// missing are the records that nobody accounts for.
func (l *onceLife) missing() (out []int64) {
	for _, o := range l.records {
		if !l.known[o] {
			out = append(out, o)
		}
	}
	return out
}

// account says what became of the offsets of a range.
func (l *onceLife) account(from, to int64) {
	for _, o := range l.records {
		if from <= o && o < to {
			l.known[o] = true
		}
	}
}

// onceLog is a partition as the brokers have it, and what the group has committed of it.
type onceLog struct {
	tp      topicPartition
	now     *onceLife
	reads   *onceLife // what the member reads: an earlier one until it notices
	pos     int64     // of the member's client
	commit  announcement
	stale   bool  // that is of an earlier life: it was on its way
	refusal error // of commits
}

func (l *onceLog) reborn() {
	id := byte(1)
	if l.now != nil {
		id = l.now.id + 1
	}
	l.now = &onceLife{id: id, known: map[int64]bool{}}
	l.commit, l.stale = noAnnouncement(), false
}

func (l *onceLog) produce(t *rapid.T) {
	for range rapid.IntRange(1, 20).Draw(t, "records") {
		l.now.next += int64(rapid.SampledFrom([]int{0, 0, 0, 1, 5}).Draw(t, "gap"))
		l.now.records = append(l.now.records, l.now.next)
		l.now.next++
	}
}

// fetch is what a poll returns of the partition, of so many records.
func (l *onceLog) fetch(n int) (f kgo.FetchPartition) {
	if l.reads != l.now {
		return f // the client never reads the new one
	}
	l.pos = max(l.pos, l.now.start)
	f.Partition, f.LogStartOffset = l.tp.partition, l.now.start
	for _, o := range l.now.records {
		if o >= l.pos && len(f.Records) < n {
			f.Records = append(f.Records, &kgo.Record{Topic: l.tp.topic, Partition: l.tp.partition, Offset: o})
		}
	}
	if k := len(f.Records); k > 0 {
		l.pos = f.Records[k-1].Offset + 1
	}
	return f
}

// onceBroker is the logs of some topics, and answers commits.
type onceBroker struct {
	t    *rapid.T
	logs []*onceLog
	calm bool // commits fail only where a partition is refused
}

func newOnceBroker(t *rapid.T) *onceBroker {
	b := &onceBroker{t: t}
	for _, tp := range []topicPartition{{"t", 0}, {"t", 1}, {"u", 0}} {
		l := &onceLog{tp: tp}
		l.reborn()
		b.logs = append(b.logs, l)
	}
	return b
}

func (b *onceBroker) any() *onceLog {
	return b.logs[rapid.IntRange(0, len(b.logs)-1).Draw(b.t, "partition")]
}

func (b *onceBroker) log(tp topicPartition) *onceLog {
	return b.logs[slices.IndexFunc(b.logs, func(l *onceLog) bool { return l.tp == tp })]
}

var (
	errBroker = errors.New("no answer")
	// errWhole is answered for all partitions of a request because of one.
	errWhole = kerr.InvalidCommitOffsetSize
)

// send commits, fails, or does one and tells the other. Each partition has an answer of
// its own.
func (b *onceBroker) send(_ context.Context, said announcements, may func(*partition) bool) (map[*partition]error, error) {
	outcome := "done"
	if !b.calm {
		outcome = rapid.SampledFrom([]string{"done", "done", "done", "done", "failed", "lost", "moved"}).Draw(b.t, "commit")
	}
	if outcome == "failed" {
		return nil, errBroker
	}
	whole := false
	for p := range said {
		whole = whole || errors.Is(b.log(p.topicPartition).refusal, errWhole)
	}
	answers := map[*partition]error{}
	for _, l := range b.logs {
		for p, a := range said {
			switch {
			case p.topicPartition != l.tp || !may(p):
			case outcome == "moved":
				answers[p] = kerr.RebalanceInProgress
			case whole:
				answers[p] = errWhole
			default:
				answers[p] = b.take(l, a)
			}
		}
	}
	if outcome == "lost" {
		return nil, errBroker
	}
	return answers, nil
}

// take answers the commit of one partition. One of an earlier life is refused, if the
// broker is told the topic's id, and else taken for one of this life.
func (b *onceBroker) take(l *onceLog, a announcement) error {
	switch {
	case l.refusal != nil:
		return l.refusal
	case l.reads == l.now:
		l.commit, l.stale = a, false
	case rapid.Bool().Draw(b.t, "by id"):
		return kerr.UnknownTopicID
	default:
		l.commit, l.stale = a, true
	}
	return nil
}

// listed are the starts and ends of the logs that the member reads.
func (b *onceBroker) listed() (starts, ends kadm.ListedOffsets) {
	starts, ends = kadm.ListedOffsets{}, kadm.ListedOffsets{}
	for _, l := range b.logs {
		if l.reads == l.now {
			add(starts, kadm.ListedOffset{Topic: l.tp.topic, Partition: l.tp.partition, Offset: l.now.start})
			add(ends, kadm.ListedOffset{Topic: l.tp.topic, Partition: l.tp.partition, Offset: l.now.next})
		}
	}
	return starts, ends
}

// topics are as metadata has them.
func (b *onceBroker) topics() kadm.TopicDetails {
	ds := kadm.TopicDetails{}
	for _, l := range b.logs {
		ds[l.tp.topic] = kadm.TopicDetail{Topic: l.tp.topic, ID: kadm.TopicID{1, l.now.id}}
	}
	return ds
}

func add(to kadm.ListedOffsets, o kadm.ListedOffset) {
	if to[o.Topic] == nil {
		to[o.Topic] = map[int32]kadm.ListedOffset{}
	}
	to[o.Topic][o.Partition] = o
}
