package reading

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// endless is an input that always has a batch, and notes what is done to it.
type endless struct {
	link    *status.Link
	opened  bool
	stopped atomic.Int32
	closed  atomic.Int32
}

func (e *endless) Connect(context.Context) error {
	if !e.opened {
		e.link.Opened()
	}
	e.opened = true
	e.link.Up()
	return nil
}

func (e *endless) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	return service.MessageBatch{service.NewMessage(nil)}, func(context.Context, error) error { return nil }, nil
}

func (e *endless) Close(context.Context) error {
	e.closed.Add(1)
	e.link.Closed()
	return nil
}

func (e *endless) Stopped() { e.stopped.Add(1) }

// rig is a reader under a gate that a buffer controls.
type rig struct {
	*Reader
	t       *testing.T
	gate    *gate.Gate
	control *gate.Controller
	link    *status.Link
	made    []*endless
}

type nobody struct{}

func (nobody) Pause()  {}
func (nobody) Resume() {}
func (nobody) Drain()  {}

type quiet struct{ gate.Watcher }

func (quiet) Ending(bool) {}

func newRig(t *testing.T) *rig {
	t.Helper()
	res := service.MockResources()
	label := status.LabelOf(res)
	r := &rig{t: t, gate: gate.Of(res, ""), link: &status.Of(res, "").Input(label, status.KindNATS).Link}
	r.control = r.gate.Controller(gate.Limits{Max: 10, Pause: 8, Yield: 6, Resume: 4}, true, quiet{})
	r.control.Attach()
	r.Reader = New(Config{Kind: status.KindNATS, Resources: res, Make: func() (Input, service.BatchInput) {
		in := &endless{link: r.link}
		r.made = append(r.made, in)
		return in, in
	}})
	return r
}

// read connects and reads one batch, under these contexts.
func (r *rig) read(connecting, reading context.Context) {
	r.t.Helper()
	require.NoError(r.t, r.Connect(connecting))
	_, _, err := r.ReadBatch(reading)
	require.NoError(r.t, err)
}

// The host ends the context that it gave to Connect and ReadBatch, and calls neither
// ReadBatch nor Close any more.
func TestTheInputHearsThatItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		life, end := context.WithCancel(t.Context())
		r.read(life, life)
		_, _, err := r.ReadBatch(life)
		require.NoError(t, err)
		synctest.Wait()
		assert.Zero(t, r.made[0].stopped.Load())
		end()
		synctest.Wait()
		assert.EqualValues(t, 1, r.made[0].stopped.Load())
		assert.Zero(t, r.made[0].closed.Load(), "acknowledgements may still come")
		_, _, err = r.ReadBatch(life)
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, r.Close(t.Context()))
		synctest.Wait()
		assert.EqualValues(t, 1, r.made[0].stopped.Load())
		assert.EqualValues(t, 1, r.made[0].closed.Load())
	})
}

// Contexts of single calls say nothing beyond them, nor does that of a connection that
// was followed by another.
func TestContextsOfSingleCallsAreNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		first, endFirst := context.WithCancel(t.Context())
		r.read(first, first)
		connecting, connected := context.WithCancel(t.Context())
		require.NoError(t, r.Connect(connecting))
		connected()
		endFirst()
		for range 3 {
			ctx, done := context.WithCancel(t.Context())
			_, _, err := r.ReadBatch(ctx)
			require.NoError(t, err)
			done()
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Zero(t, r.made[0].stopped.Load())
		assert.Zero(t, r.made[0].closed.Load())
		require.NoError(t, r.Close(t.Context()))
	})
}

// The first batch is taken by nobody while the buffer waits for batches: the input is
// closed, and /health will say why. Read after all, it goes on.
func TestAnInputThatNobodyReadsIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.read(t.Context(), t.Context())
		time.Sleep(leftAfter)
		synctest.Wait()
		assert.Zero(t, r.made[0].closed.Load(), "it may be taken yet")
		time.Sleep(2 * lookEvery)
		synctest.Wait()
		assert.EqualValues(t, 1, r.made[0].closed.Load())
		assert.Nil(t, r.Input())
		s := r.link.State()
		assert.False(t, s.Connected || s.Closed)
		require.ErrorContains(t, s.Err, "does not read it")

		_, _, err := r.ReadBatch(t.Context())
		require.ErrorIs(t, err, service.ErrNotConnected)
		r.read(t.Context(), t.Context())
		assert.True(t, r.link.State().Connected)
		require.Len(t, r.made, 2)
		time.Sleep(time.Hour)
		require.NoError(t, r.Close(t.Context()))
		assert.EqualValues(t, 1, r.made[0].closed.Load())
		assert.EqualValues(t, 1, r.made[1].closed.Load())
	})
}

// What another one has is not said to be down.
func TestAnInputThatNobodyReadsLeavesTheLinkToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.read(t.Context(), t.Context())
		r.link.Opened()
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.EqualValues(t, 1, r.made[0].closed.Load())
		assert.True(t, r.link.State().Connected)
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestAnInputThatMayStillBeReadIsKept(t *testing.T) {
	for name, prepare := range map[string]func(*rig){
		"the buffer is full":          func(r *rig) { r.control.Takes(true) },
		"an older one is to give way": func(r *rig) { r.gate.JoinAs(r.label, nobody{}).Stopping() },
		"there is no buffer":          func(r *rig) { r.control.Detach(0) },
		"it was read before":          func(r *rig) { _, _, _ = r.ReadBatch(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				prepare(r)
				r.read(t.Context(), t.Context())
				time.Sleep(time.Hour)
				synctest.Wait()
				assert.Zero(t, r.made[0].closed.Load())
				require.NoError(t, r.Close(t.Context()))
			})
		})
	}
}

// A full buffer says nothing; from when it has room again, the time counts.
func TestTheTimeCountsFromWhenThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.control.Takes(true)
		r.read(t.Context(), t.Context())
		time.Sleep(time.Hour + lookEvery/2) // between two looks: at one, either could be first
		r.control.Takes(false)
		r.control.Takes(true) // somebody else's
		time.Sleep(leftAfter)
		synctest.Wait()
		assert.Zero(t, r.made[0].closed.Load())
		time.Sleep(3 * lookEvery)
		synctest.Wait()
		assert.EqualValues(t, 1, r.made[0].closed.Load())
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestCloseEndsTheWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.read(t.Context(), t.Context())
		require.NoError(t, r.Close(t.Context()))
		time.Sleep(time.Hour)
		assert.EqualValues(t, 1, r.made[0].closed.Load())
	})
}
