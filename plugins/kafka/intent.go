package kafka

import (
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// mostAhead is how many chunks of a partition may be announced and not settled.
// It bounds the metadata of a commit: a hundred lengths take 2 KB at most.
const mostAhead = 100

// How long the commit of a partition rests that the brokers refuse: doubling, from
// one to the other.
const (
	refusedInitial = 100 * time.Millisecond
	refusedMax     = 10 * time.Second
)

// standing is how an intent stands to the group's commit.
type standing int

const (
	quiet   standing = iota // there is nothing that the commit does not say
	unsaid                  // there is something to commit
	sent                    // a commit is on its way
	refused                 // the brokers refused it: it is sent again when it has rested, apart from others
	barred                  // the group's commit cannot be read: nothing is formed, delivered or committed
	void                    // the log that it is about is gone: likewise
)

// intent is what this member means the group's commit of one partition to say, and
// what it knows of what that says, under exactly_once. Nothing in it is shared with
// other partitions, so that none waits for another.
//
// A chunk is formed, then durable, then settled. It is formed when nothing can change
// it any more, and durable when the brokers have acknowledged a commit that says where
// it ends: only then is it delivered, and every later commit says so too until it is
// settled. So whoever goes on after a crash forms the same chunks, and the output can
// tell that it has them already. Chunks that others announced are durable before they
// are formed.
//
// It does no I/O: it is told what happens, and says what to commit and what may be
// delivered. It is safe for concurrent use, with two exceptions: one goroutine forms
// chunks, and one commit at a time is on its way.
type intent struct {
	mu sync.Mutex

	said    announcement // all that is announced and not settled, whether durable or not
	formed  int64        // the chunks that end up to here were formed here
	durable int64        // the chunks that end up to here are in the group's commit
	floor   int64        // nothing below comes any more: retention, or deleted records
	waiting []chunk      // formed and not delivered, in order
	left    bool         // the partition is given up: nothing more is formed or delivered

	standing standing
	changed  bool          // there is more to commit than what is on its way says
	sending  int64         // the last end that this says
	fault    error         // why the last commit was refused; nil after one that was taken
	alone    bool          // it is committed by itself: it may be why others were refused
	rest     time.Duration // while refused
	until    time.Time     // likewise
}

func newIntent() intent {
	return intent{said: noAnnouncement(), formed: -1, durable: -1, floor: -1}
}

// restore takes over what the group's commit says. It comes before anything else.
func (i *intent) restore(a announcement) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.said, i.formed, i.durable, i.standing = a, a.base.Offset, a.last(), quiet
}

// begin says where the partition starts that the group's commit says nothing of. It comes
// before anything is formed.
func (i *intent) begin(at int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.said.base.Offset < 0 {
		i.said.base = kgo.EpochOffset{Epoch: -1, Offset: at}
		i.change()
	}
}

// bar says that the group's commit cannot be read.
func (i *intent) bar() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.standing = barred
}

// begins is where the first chunk begins that is not settled, below zero while that is
// not known.
func (i *intent) begins() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.said.base.Offset
}

// due is where the next chunk ends that others announced and that is still to be
// formed; ok is false when there is none. Until then no other may be formed.
func (i *intent) due() (end int64, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, end := range i.said.ends {
		if end > i.formed {
			return end, true
		}
	}
	return 0, false
}

// trimmed reports whether nothing of a chunk that ends there comes any more.
func (i *intent) trimmed(end int64) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return end <= i.floor
}

// form takes the next chunk. It is announced by the next commit, unless it was before.
func (i *intent) form(c chunk) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.left || i.standing >= barred {
		return
	}
	if i.said.base.Offset < 0 {
		i.said.base = kgo.EpochOffset{Epoch: c.records[0].LeaderEpoch, Offset: c.records[0].Offset}
	}
	c.announced = slices.Contains(i.said.ends, c.end.Offset)
	if !c.announced {
		i.said.ends = append(i.said.ends, c.end.Offset)
		i.change()
	}
	i.formed = c.end.Offset
	i.waiting = append(i.waiting, c)
}

// skip takes back the announcement of the chunk that is due, of which the brokers have
// no records any more: nobody will settle it, and it would count as ahead for ever.
func (i *intent) skip(end int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	at := slices.Index(i.said.ends, end)
	if at < 0 {
		return
	}
	if at == 0 {
		i.said.base.Offset = end
	}
	i.said.ends = slices.Delete(i.said.ends, at, at+1)
	i.formed = max(i.formed, end)
	i.change()
}

// trim says that the log begins at an offset now, and that nothing below will come.
func (i *intent) trim(start int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.floor = max(i.floor, start)
}

// settle says that all before a checkpoint is settled.
func (i *intent) settle(checkpoint kgo.EpochOffset) {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := 0
	for n < len(i.said.ends) && i.said.ends[n] <= checkpoint.Offset {
		n++
	}
	i.said = announcement{base: checkpoint, ends: i.said.ends[n:]}
	i.formed, i.durable = max(i.formed, checkpoint.Offset), max(i.durable, checkpoint.Offset)
	i.change()
}

func (i *intent) change() {
	switch i.standing {
	case quiet:
		i.standing = unsaid
	case sent:
		i.changed = true
	}
}

// room reports whether one more chunk may be formed.
func (i *intent) room() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return !i.left && i.standing < refused && len(i.said.ends) < mostAhead
}

// ahead is how many chunks are announced and not settled.
func (i *intent) ahead() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.said.ends)
}

// ready reports whether chunks may be delivered now.
func (i *intent) ready() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.waiting) > 0 && i.waiting[0].end.Offset <= i.durable
}

// deliver returns the chunks that may be delivered now, each of them once, in order.
func (i *intent) deliver() []chunk {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := 0
	for n < len(i.waiting) && i.waiting[n].end.Offset <= i.durable {
		n++
	}
	chunks := i.waiting[:n:n]
	if i.waiting = i.waiting[n:]; len(i.waiting) == 0 {
		i.waiting = nil
	}
	return chunks
}

// leave says that the partition is given up. What it was delivered of may still be
// settled and committed.
func (i *intent) leave() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.left, i.waiting = true, nil
}

// gone reports whether nothing more may be formed.
func (i *intent) gone() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.left
}

// annul says that the log that it is about is gone, such as with its topic: what would
// be committed means nothing in another log.
func (i *intent) annul() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.left, i.waiting, i.standing = true, nil, void
}
