package kafka

import (
	"context"
	"fmt"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"
)

// groupClient is what the assignment needs of a *kgo.Client. None of these
// methods blocks on the network, except CommitMarkedOffsets.
type groupClient interface {
	PauseFetchPartitions(map[string][]int32) map[string][]int32
	ResumeFetchPartitions(map[string][]int32)
	MarkCommitOffsets(map[string]map[int32]kgo.EpochOffset)
	CommitMarkedOffsets(context.Context) error
}

var _ groupClient = (*kgo.Client)(nil)

// topicPartition names a partition.
type topicPartition struct {
	topic     string
	partition int32
}

// source names the partition in the positions of its records.
func (tp topicPartition) source() string {
	return fmt.Sprintf("kafka/%s/%d", tp.topic, tp.partition)
}

// partition is one assignment of a partition to this member, from assigned to
// revoked. The fields below template are guarded by assignment.mu, but for the intent.
type partition struct {
	topicPartition
	template *service.Message // what every message of it starts from
	source   string           // its name in the positions of records

	tracker  tracker
	position int64 // all before it is settled; see positions
	next     int64 // all before it was polled, or is lost; see positionUnknown
	handed   int64 // all before it was handed out, or is lost; likewise
	epoch    int32 // the highest of a leader that was seen; commits do not go back in it
	passed   int64 // next when the log's start was seen behind it; likewise
	end      int64 // the highest end of the log that was seen
	placed   bool  // the group has a commit of it, or was told where it starts
	cut      bool  // the end was behind that at the last look
	pending  int   // spans handed out and not answered
	leaving  bool  // nothing more is handed out
	revoked  bool  // nothing more is marked
	idle     idleReason

	intent intent // under exactly_once; it guards itself
}

// receipt is the proof that a span of a partition was handed out.
type receipt struct {
	part    *partition
	ticket  uint64
	records int
}

// assignment knows the partitions that this member owns and what became of
// their records. All methods are safe for concurrent use.
type assignment struct {
	template func(topicPartition) *service.Message
	once     bool // chunks are announced, and no offsets marked

	mu       sync.Mutex
	client   groupClient // of the latest callback; nil before the first
	owned    map[topicPartition]*partition
	resumed  chan struct{} // closed while not paused
	paused   bool
	answered chan struct{} // has room for one: some span was answered
	freed    chan struct{} // likewise, for the former
	changed  chan struct{} // has room for one: partitions came or went
}

func newAssignment(template func(topicPartition) *service.Message) *assignment {
	a := &assignment{
		template: template,
		owned:    map[topicPartition]*partition{},
		resumed:  make(chan struct{}),
		answered: make(chan struct{}, 1),
		freed:    make(chan struct{}, 1),
		changed:  make(chan struct{}, 1),
	}
	close(a.resumed)
	return a
}

// assign takes partitions over. They start paused when the input is paused.
func (a *assignment) assign(cl groupClient, added map[string][]int32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.client = cl
	each(added, func(tp topicPartition) { a.owned[tp] = a.newPartition(tp) })
	if a.paused && len(added) > 0 {
		cl.PauseFetchPartitions(added)
	}
}

func (a *assignment) newPartition(tp topicPartition) *partition {
	return &partition{
		topicPartition: tp, template: a.template(tp), source: tp.source(), intent: newIntent(), position: positionUnknown,
		next: positionUnknown, handed: positionUnknown, passed: positionUnknown, epoch: -1,
	}
}

// revoke gives partitions up in good order: nothing more of them is handed out,
// what is handed out may still be settled until ctx ends, and from then on
// their offsets cannot be moved any more. The caller commits afterwards what
// was marked, or is known of the partitions that are returned.
func (a *assignment) revoke(ctx context.Context, cl groupClient, gone map[string][]int32) []*partition {
	leaving := a.stopHandingOut(gone)
	a.awaitAnswers(ctx, leaving)
	a.lose(cl, gone)
	return leaving
}

// lose gives partitions up at once. Late acknowledgements change nothing.
//
// The flag is set under the lock under which offsets are marked. Without that:
// an acknowledgement finds the partition its own, the revocation completes, the
// new owner commits, and then the mark goes in and the next periodic commit
// takes the new owner's offset back.
func (a *assignment) lose(cl groupClient, gone map[string][]int32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	each(gone, func(tp topicPartition) {
		if p := a.owned[tp]; p != nil {
			p.leaving, p.revoked = true, true
			p.intent.leave()
			delete(a.owned, tp)
		}
	})
	if len(gone) > 0 {
		cl.ResumeFetchPartitions(gone)
		a.tellChange()
	}
}

func (a *assignment) stopHandingOut(gone map[string][]int32) (leaving []*partition) {
	a.mu.Lock()
	defer a.mu.Unlock()
	each(gone, func(tp topicPartition) {
		if p := a.owned[tp]; p != nil {
			p.leaving = true
			p.intent.leave()
			leaving = append(leaving, p)
		}
	})
	return leaving
}

// awaitAnswers returns when everything handed out of the partitions has been
// answered, or ctx ends. Only one caller at a time.
func (a *assignment) awaitAnswers(ctx context.Context, parts []*partition) {
	for a.anyPending(parts) {
		select {
		case <-a.answered:
		case <-ctx.Done():
			return
		}
	}
}

func (a *assignment) anyPending(parts []*partition) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range parts {
		if p.pending > 0 {
			return true
		}
	}
	return false
}

// resolve ties polled records to the present assignment, and tells what the
// brokers lost before they were polled. The caller prevents a rebalance between the
// poll and this call. Records of partitions that are not owned are left out: their
// owner fetches them.
func (a *assignment) resolve(fetches kgo.Fetches) (chunks []chunk, losses []loss) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		p := a.owned[topicPartition{f.Topic, f.Partition}]
		if p == nil || p.revoked {
			return
		}
		losses = append(losses, p.follow(f)...)
		if n := len(f.Records); n > 0 {
			last := f.Records[n-1]
			chunks = append(chunks, chunk{part: p, records: f.Records, end: kgo.EpochOffset{Epoch: last.LeaderEpoch, Offset: last.Offset + 1}})
		}
	})
	return chunks, losses
}

// handOut registers a batch as in flight and returns its messages, without
// those whose partition has gone meanwhile.
func (a *assignment) handOut(b *batch) (service.MessageBatch, []receipt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	receipts := make([]receipt, 0, len(b.chunks))
	kept := b.messages[:0]
	from := 0
	for i, c := range b.chunks {
		to := b.ends[i]
		if !c.part.leaving {
			kept = append(kept, b.messages[from:to]...)
			receipts = append(receipts, receipt{c.part, c.part.tracker.track(c.end), len(c.records)})
			c.part.pending++
			c.part.handed, c.part.epoch = c.end.Offset, max(c.part.epoch, c.end.Epoch)
		}
		from = to
	}
	return kept, receipts
}

// settle answers receipts, each of them once. With ok the checkpoints may move,
// and are marked for the next commit; without, the spans stay unsettled, and
// whoever consumes these partitions next starts no later than there.
func (a *assignment) settle(receipts []receipt, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range receipts {
		r.part.pending--
		if ok {
			a.mark(r)
		} else {
			r.part.tracker.reject(r.ticket)
		}
		a.thin(r.part)
	}
	signal(a.answered)
	signal(a.freed)
}

func (a *assignment) mark(r receipt) {
	checkpoint, moved := r.part.tracker.settle(r.ticket)
	if moved && !r.part.revoked {
		a.reach(r.part, checkpoint)
	}
}

// reach says that all before a checkpoint is settled, for the next commit.
func (a *assignment) reach(p *partition, checkpoint kgo.EpochOffset) {
	p.position = checkpoint.Offset
	if a.once {
		p.intent.settle(checkpoint)
		return
	}
	a.client.MarkCommitOffsets(map[string]map[int32]kgo.EpochOffset{
		p.topic: {p.partition: checkpoint},
	})
}

// pause stops fetching. It reports how many partitions that concerns.
func (a *assignment) pause() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.paused {
		a.paused = true
		a.resumed = make(chan struct{})
	}
	if len(a.owned) > 0 {
		a.client.PauseFetchPartitions(a.ownedPartitions())
	}
	return len(a.owned)
}

// resume takes up fetching at the next offset of each partition.
func (a *assignment) resume() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.paused {
		a.paused = false
		close(a.resumed)
	}
	if len(a.owned) > 0 {
		a.client.ResumeFetchPartitions(a.awake())
	}
	return len(a.owned)
}

// open returns a channel that is closed while the input is not paused.
func (a *assignment) open() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.resumed
}

func (a *assignment) ownedPartitions() map[string][]int32 {
	m := map[string][]int32{}
	for tp := range a.owned {
		m[tp.topic] = append(m[tp.topic], tp.partition)
	}
	return m
}

// count is how many partitions are owned.
func (a *assignment) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.owned)
}

// awake are those that are owned and fetched when the input is not paused.
func (a *assignment) awake() map[string][]int32 {
	m := map[string][]int32{}
	for tp, p := range a.owned {
		if p.idle == 0 {
			m[tp.topic] = append(m[tp.topic], tp.partition)
		}
	}
	return m
}

// signal puts a token into a channel that has room for one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func each(m map[string][]int32, fn func(topicPartition)) {
	for topic, partitions := range m {
		for _, p := range partitions {
			fn(topicPartition{topic, p})
		}
	}
}
