// Package reading notices what the host does not say: that it reads an input no more.
//
// The host may leave an input without closing it, for long or for good. It tells an
// input that is to stop by the end of the context that it gave to Connect and to every
// ReadBatch, and closes it when all acknowledgements are there: while the output stands
// still that may be never. And where an input of `dynamic` cannot be replaced in time,
// since the old one does not end, the new one has been started and is dropped: its first
// batch is taken by nobody, and nothing ends it. Either would keep its subscription, or
// its share of a consumer group, and what it takes in would be stored by nobody, counted
// by nobody, and kept from others.
package reading

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/plugins/topology"
)

const (
	// lookEvery is how often a reader looks whether its first batch was taken.
	lookEvery = time.Second
	// leftAfter is how long the buffer may take batches, or wait for them, before an
	// input whose first batch was not taken counts as left.
	leftAfter = 10 * time.Second
)

// Input is an input as a Reader has it.
type Input interface {
	service.BatchInput
	// Stopped is called when the host has begun to stop the input: it will read nothing
	// more. Acknowledgements still come, then Close, perhaps much later, or neither.
	// It may be called beside a ReadBatch, whose context has ended, and is not called
	// again, nor beside Connect or Close.
	Stopped()
}

// Config says what a Reader is for.
type Config struct {
	// Make makes the input. It is called again for one that is read after all; host is
	// what the host reads from, which may stand between.
	Make func() (in Input, host service.BatchInput)
	// Kind, Gate and Resources are those of the component: Gate is the name in its
	// configuration.
	Kind      status.Kind
	Gate      string
	Resources *service.Resources
}

// Reader hands an input to the host and notices when that reads it no more. The host
// calls its methods in turn.
type Reader struct {
	conf  Config
	label string

	mu      lock  // held while the input connects, closes, or is told to stop
	in      Input // nil: it was let go, since nobody read it
	host    service.BatchInput
	tests   service.BatchInput // the first one
	life    context.Context    //nolint:containedctx // of the last Connect
	disarm  func() bool        // takes back what is to happen when life ends
	stopped bool
	closed  bool
	watched sync.WaitGroup
	handed  bool // a batch was handed over

	taken context.Context //nolint:containedctx // ends when the first batch was taken, or nobody looks any more
	take  context.CancelFunc
}

var (
	_ service.BatchInput         = (*Reader)(nil)
	_ service.ConnectionTestable = (*Reader)(nil)
)

// New returns a Reader of the input that c makes.
func New(c Config) *Reader {
	r := &Reader{conf: c, mu: make(lock, 1), label: status.LabelOf(c.Resources), disarm: inert}
	r.taken, r.take = context.WithCancel(context.Background())
	r.in, r.host = c.Make()
	r.tests = r.host
	return r
}

// lock is a mutex for what waits for servers. It is a channel of capacity 1, since virtual
// time (testing/synctest) stands still while anybody waits for a sync.Mutex.
type lock chan struct{}

func (l lock) Lock()   { l <- struct{}{} }
func (l lock) Unlock() { <-l }

// inert takes nothing back.
func inert() bool { return true }

// Input is the input itself, nil when it was let go.
func (r *Reader) Input() service.BatchInput {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.in
}

// Connect implements service.BatchInput.
func (r *Reader) Connect(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.disarm()
	r.disarm, r.life = inert, nil
	if r.in == nil {
		r.in, r.host = r.conf.Make()
		r.conf.Resources.Logger().With("input", r.label).Info("The input is read after all: it goes on")
	}
	if err := r.host.Connect(ctx); err != nil {
		return err
	}
	r.life = ctx
	return nil
}

// ReadBatch implements service.BatchInput.
func (r *Reader) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	host := r.reads(ctx)
	if host == nil {
		return nil, nil, service.ErrNotConnected
	}
	batch, ack, err := host.ReadBatch(ctx)
	if err == nil {
		r.hand()
	}
	return batch, ack, err
}

// reads notes that the host reads, and returns from what. A context that it gave to
// Connect too is that of the input's life: it ends when the input is to stop. Others
// mean nothing beyond their call.
func (r *Reader) reads(ctx context.Context) service.BatchInput {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.in == nil {
		return nil
	}
	if r.handed {
		r.take()
	}
	if r.life == ctx {
		r.life = nil
		r.disarm = context.AfterFunc(ctx, r.stop)
	}
	return r.host
}

// stop tells the input that its host is about to stop it.
func (r *Reader) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take()
	if r.stopped || r.closed || r.in == nil {
		return
	}
	r.stopped = true
	r.in.Stopped()
}

// Close implements service.BatchInput.
func (r *Reader) Close(ctx context.Context) error {
	r.mu.Lock()
	r.disarm()
	r.take()
	r.closed = true
	host := r.host
	if r.in == nil {
		host = nil
	}
	var err error
	if host != nil {
		err = host.Close(ctx)
	}
	r.mu.Unlock()
	r.watched.Wait()
	return err
}

// hand notes that a batch was handed over. The host reads again as soon as somebody has
// taken it, whatever stands between: so whether it reads is known from the first one.
func (r *Reader) hand() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.handed || r.closed || r.stopped {
		return
	}
	r.handed = true
	since := time.Now()
	r.watched.Go(func() { r.watch(since) })
}

// watch looks whether the first batch is taken. The buffer says nothing while it is
// full. Once it has taken others, or waited for them, for some time, and no older input
// of this label is about to give way, nobody is there to take it.
func (r *Reader) watch(since time.Time) {
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	g := gate.Of(r.conf.Resources, topology.Gate(r.conf.Resources, r.conf.Gate))
	var open time.Time // since when it could have been taken
	for {
		select {
		case <-r.taken.Done():
			return
		case now := <-ticks.C:
			switch {
			case !g.AskedSince(since) || g.Leaving(r.label):
				open = time.Time{}
			case open.IsZero():
				open = now
			case now.Sub(open) >= leftAfter:
				r.leave()
				return
			}
		}
	}
}

// leave closes the input, of which nobody reads. Should the host read after all, it is
// told to connect again.
func (r *Reader) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken.Err() != nil || r.closed || r.stopped {
		return
	}
	r.take()
	host := r.host
	r.in, r.host = nil, nil
	_ = host.Close(context.Background()) // it never fails
	err := errors.New("the host has started this input and does not read it: nothing of it would be stored, so it was closed; set the input again, or restart the stream")
	r.conf.Resources.Logger().With("input", r.label).Error("An input is not read: " + err.Error())
	status.Of(r.conf.Resources, topology.Gate(r.conf.Resources, r.conf.Gate)).Input(r.label, r.conf.Kind).Link.Abandoned(err)
}

// ConnectionTest implements service.ConnectionTestable.
func (r *Reader) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	if t, ok := r.tests.(service.ConnectionTestable); ok {
		return t.ConnectionTest(ctx)
	}
	return service.ConnectionTestNotSupported().AsList() // a wrapper of the host's that hides it
}
