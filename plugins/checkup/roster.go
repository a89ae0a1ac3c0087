package checkup

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Facts are what a component has to know beyond its own settings.
type Facts struct {
	Buffer Buffer
	Outage time.Duration // how long an output may be away, which sources should outlast
}

// Buffer is what the stream's buffer holds and hands on; the zero value means
// that there is no buffer which bounds anything.
type Buffer struct {
	Enabled            bool // pauses inputs
	Max, Pause, Resume int  // records
	MaxBytes           int64
	BatchCount         int
	BatchBytes         int64
	BatchPeriod        time.Duration
}

// Request says how much of a source is to be sampled.
type Request struct {
	Records int
	Wait    time.Duration // for what is yet to come
}

// Sample is records as an input would deliver them.
type Sample struct {
	Input   string // label
	Batch   service.MessageBatch
	Records int
	Bytes   int64
	Rate    float64          // records a second, 0 where it is not known
	Blank   *service.Message // what every message of the input has: its metadata without a body
	Note    string           // where the records are from
}

// MeanBytes is the size of a record, 0 where there are none.
func (s *Sample) MeanBytes() int64 {
	if s.Records == 0 {
		return 0
	}
	return s.Bytes / int64(s.Records)
}

// Examiner is a component that can look at its own servers.
type Examiner interface {
	// Checkup reports what it finds. The sample is of an input's own records, nil
	// where none was taken, and for outputs.
	Checkup(ctx context.Context, facts Facts, sample *Sample, report *Report)
}

// Sampler is an input that can be sampled without taking anything from anybody.
type Sampler interface {
	Sample(ctx context.Context, request Request) (*Sample, error)
}

// Taker is an output that can tell what it would do with records.
type Taker interface {
	// Try reports which of the records would be stored.
	Try(ctx context.Context, facts Facts, samples []*Sample, report *Report)
	// InHand is how many batches it may hold at once, of the two kinds.
	InHand() (inserting, waiting int)
}

// Holder is an input whose client may hold records ahead of the buffer.
type Holder interface {
	// Holds is how many bytes that may be, with records of this size.
	Holds(record int64) int64
}

// Entry is a component that was built.
type Entry struct {
	Label     string // "" where it has none
	Path      []string
	Component any
}

// Name is the label, or the path where there is none.
func (e Entry) Name() string {
	if e.Label != "" {
		return e.Label
	}
	return strings.Join(e.Path, ".")
}

// Roster lists the components that were built. It is safe for concurrent use.
type Roster struct {
	mu      sync.Mutex
	entries []Entry
}

type rosterKey struct{}

// Open makes the components that are built with these resources, from now on,
// join the roster that it returns.
func Open(res *service.Resources) *Roster {
	r, _ := res.GetOrSetGeneric(rosterKey{}, &Roster{})
	return r.(*Roster)
}

// Join enters a component into the roster, where there is one.
func Join(res *service.Resources, component any) {
	found, open := res.GetGeneric(rosterKey{})
	if !open {
		return
	}
	r := found.(*Roster)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, Entry{Label: res.Label(), Path: res.Path(), Component: component})
}

// Entries are the components so far, in the order in which they were built.
func (r *Roster) Entries() []Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Entry(nil), r.entries...)
}
