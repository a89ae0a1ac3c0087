package inputtest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/position"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// reconnectWait is how long the reader waits between two attempts to connect, as
// the host does.
const reconnectWait = 20 * time.Millisecond

// reader drives an input as the host does, and records what it delivers.
type reader struct {
	t     *testing.T
	name  string
	in    Input
	gate  *gate.Gate
	stats *status.Input
	res   *service.Resources

	ready func() bool // the server knows it

	stop    context.CancelFunc
	reading sync.WaitGroup
	closing sync.Once

	mu        sync.Mutex
	connected bool
	connects  int          // attempts that were begun
	answer    func(answer) // nil: acknowledge
	batches   []batch
	err       error // that ended the reading
}

// batch is what one ReadBatch returned.
type batch struct {
	values []int
	places []place
	answer answer
}

// answer is how a batch is settled: with nil, or the reason why it is rejected.
type answer func(error) error

// place is where a record stands in its source.
type place struct {
	source string
	offset int64
	known  bool
}

// connect connects the input without reading from it. Like the host it tries again
// when an attempt fails.
func (r *reader) connect() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(r.t, r.keepConnecting(ctx))
	r.awaitAttached()
}

func (r *reader) keepConnecting(ctx context.Context) error {
	for !r.isConnected() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.tryConnect(ctx) != nil {
			rest(ctx)
		}
	}
	return nil
}

func (r *reader) tryConnect(ctx context.Context) error {
	r.mu.Lock()
	r.connects++
	r.mu.Unlock()
	err := r.in.Connect(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connected = err == nil
	return err
}

// start connects and reads, and returns when the source knows the reader.
func (r *reader) start() *reader {
	r.t.Helper()
	r.begin()
	r.awaitAttached()
	return r
}

// begin reads in the background. It connects first if nobody has.
func (r *reader) begin() {
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	r.reading.Go(func() {
		err := r.read(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.err = err
	})
}

// awaitAttached waits until the input is connected, and is in its group if it
// has one.
func (r *reader) awaitAttached() {
	r.t.Helper()
	await(r.t, r.name+" is connected", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		share := r.stats.Share()
		return r.connected && (share == nil || share.Group == status.GroupMember) && r.ready()
	})
}

// awaitPartition waits until the reader has something to read, where readers
// share a source by parts.
func (r *reader) awaitPartition() {
	r.t.Helper()
	await(r.t, r.name+" has the source", func() bool {
		share := r.stats.Share()
		return share == nil || share.Partitions > 0
	})
}

func (r *reader) read(ctx context.Context) error {
	for {
		if err := r.keepConnecting(ctx); err != nil {
			return err
		}
		messages, ack, err := r.in.ReadBatch(ctx)
		switch {
		case errors.Is(err, service.ErrNotConnected):
			r.mu.Lock()
			r.connected = false
			r.mu.Unlock()
		case err != nil:
			return err
		default:
			r.take(messages, ack)
		}
	}
}

func (r *reader) isConnected() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.connected
}

// rest is the host's, between two attempts.
func rest(ctx context.Context) {
	timer := time.NewTimer(reconnectWait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (r *reader) take(messages service.MessageBatch, ack service.AckFunc) {
	assert.NotEmpty(r.t, messages, "a batch is never empty")
	b := batch{answer: func(err error) error { return ack(context.Background(), err) }}
	var finder position.Finder
	for _, m := range messages {
		data, err := m.AsBytes()
		assert.NoError(r.t, err)
		value, err := strconv.Atoi(strings.TrimSpace(string(data)))
		assert.NoError(r.t, err, "a record that nobody published")
		var at place
		at.source, at.offset, at.known = finder.Find(m.Context(), data)
		b.values, b.places = append(b.values, value), append(b.places, at)
	}
	r.mu.Lock()
	r.batches = append(r.batches, b)
	settle := r.answer
	r.mu.Unlock()
	if settle == nil {
		assert.NoError(r.t, b.answer(nil))
		return
	}
	settle(b.answer)
}

// hold leaves what is delivered from now on unanswered.
func (r *reader) hold() *reader {
	r.answerBy(func(answer) {})
	return r
}

func (r *reader) answerBy(f func(answer)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// delivered are the batches so far.
func (r *reader) delivered() []batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.batches)
}

// values are the records so far.
func (r *reader) values() []int { return valuesOf(r.delivered()) }

func valuesOf(batches []batch) []int {
	all := []int{}
	for _, b := range batches {
		all = append(all, b.values...)
	}
	return all
}

// ended is the error that ended the reading.
func (r *reader) ended() error {
	r.reading.Wait()
	return r.err
}

// awaitCount waits until n records have come.
func (r *reader) awaitCount(n int) {
	r.t.Helper()
	awaitOr(r.t, func() bool { return len(r.values()) >= n }, func() string {
		return r.name + " gets " + strconv.Itoa(n) + " records; it has " + brief(r.values())
	})
}

// expect waits for these records, and no others, in this order.
func (r *reader) expect(want []int) {
	r.t.Helper()
	r.awaitCount(len(want))
	require.Equal(r.t, want, r.values(), r.name)
}

// expectSet waits for these records, and no others, each once, in any order.
func (r *reader) expectSet(want []int) {
	r.t.Helper()
	r.awaitCount(len(want))
	require.Equal(r.t, want, sorted(r.values()), r.name)
}

// linkIs waits until the link is up, or down for a reason.
func (r *reader) linkIs(up bool) {
	r.t.Helper()
	await(r.t, r.name+"'s link is "+map[bool]string{true: "up", false: "down"}[up], func() bool {
		s := r.stats.Link.State()
		return s.Connected == up && (up || s.Err != nil)
	})
}

// end stops the reading, as the host does. It returns when nothing is read any more.
func (r *reader) end() {
	if r.stop != nil {
		r.stop()
		r.reading.Wait()
	}
}

// close ends the reading and closes the input. Doing it again does nothing.
func (r *reader) close() {
	r.t.Helper()
	r.closing.Do(func() {
		r.end()
		r.closeInput()
	})
}

// closeInput closes the input, and fails when that takes as long as no process
// has that is asked to end.
func (r *reader) closeInput() {
	r.t.Helper()
	done := make(chan error, 1)
	go func() { done <- r.in.Close(context.Background()) }()
	select {
	case err := <-done:
		require.NoError(r.t, err)
	case <-time.After(patience):
		require.FailNow(r.t, r.name+" does not close")
	}
}
