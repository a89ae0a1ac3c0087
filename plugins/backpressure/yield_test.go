package backpressure

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// scaled is the shipped configuration with a hundredth of the room.
const scaled = "max_buffer_size: 500\nbatch: {count: 100, period: 500ms}\n"

// market is a stream as the host runs it: inputs that hand over to one writer, and
// an output of two flights at a time.
type market struct {
	*rig
	t       *testing.T
	ctx     context.Context
	arrived chan arrival // of one goroutine: the host's
	works   atomic.Bool  // the output settles
	took    time.Duration
	highest atomic.Int64
	running sync.WaitGroup
}

type arrival struct {
	batch service.MessageBatch
	ack   service.AckFunc
}

func newMarket(t *testing.T, yaml string, took time.Duration) *market {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	m := &market{rig: newRig(t, yaml), t: t, ctx: ctx, arrived: make(chan arrival), took: took}
	m.works.Store(true)
	m.running.Go(func() {
		for {
			select {
			case a := <-m.arrived:
				_ = m.WriteBatch(ctx, a.batch, a.ack) // ends with ctx
				m.highest.Store(max(m.highest.Load(), m.control.Level()))
			case <-ctx.Done():
				return
			}
		}
	})
	slots := make(chan struct{}, 2)
	m.running.Go(func() {
		for {
			slots <- struct{}{}
			_, ack, err := m.ReadBatch(ctx)
			if err != nil {
				return
			}
			m.running.Go(func() { m.store(ack); <-slots })
		}
	})
	t.Cleanup(func() {
		m.works.Store(true)
		cancel()
		m.running.Wait()
		_ = m.Close(context.Background())
	})
	return m
}

func (m *market) store(ack service.AckFunc) {
	time.Sleep(m.took)
	for !m.works.Load() && m.ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	assert.NoError(m.t, ack(context.Background(), nil))
}

func (m *market) hand(batch service.MessageBatch, ack service.AckFunc) {
	select {
	case m.arrived <- arrival{batch, ack}:
	case <-m.ctx.Done():
	}
}

// feedInput is an input: what it delivers while it is paused is dropped.
type feedInput struct {
	paused  atomic.Bool
	dropped atomic.Int64
	stored  atomic.Int64
}

func (s *feedInput) Pause()  { s.paused.Store(true) }
func (s *feedInput) Resume() { s.paused.Store(false) }
func (s *feedInput) Drain()  {}

// live delivers so many records every 10 ms, come what may.
func (m *market) live(label string, n int) *feedInput {
	s := &feedInput{}
	member := m.gate.JoinAs(label, s)
	tick := time.NewTicker(10 * time.Millisecond)
	held := make(chan int, 1<<20)
	m.running.Go(func() {
		defer member.Leave()
		for {
			select {
			case <-tick.C:
				if s.paused.Load() {
					s.dropped.Add(int64(n))
				} else {
					held <- n
				}
			case <-m.ctx.Done():
				return
			}
		}
	})
	m.running.Go(func() {
		for {
			select {
			case n := <-held:
				m.hand(m.batch(label, 0, n), func(context.Context, error) error { s.stored.Add(int64(n)); return nil })
			case <-m.ctx.Done():
				return
			}
		}
	})
	return s
}

// backlog delivers so many records as fast as it may, in batches of n.
func (m *market) backlog(label string, records, n int) *feedInput {
	s := &feedInput{}
	member := m.gate.JoinAs(label, s)
	m.running.Go(func() {
		defer member.Leave()
		for sent := 0; sent < records && m.ctx.Err() == nil; {
			if s.paused.Load() {
				time.Sleep(time.Millisecond)
				continue
			}
			turn := member.Enter(gate.Level{Records: n})
			select {
			case <-turn.Granted():
			default:
				end := m.board.Input(label, status.KindKafka).Yield()
				select {
				case <-turn.Granted():
				case <-m.ctx.Done():
				}
				end()
			}
			batch := m.batch(label, 0, n)
			batch[0] = batch[0].WithContext(turn.Mark(batch[0].Context()))
			m.hand(batch, func(context.Context, error) error {
				turn.Leave()
				s.stored.Add(int64(n))
				return nil
			})
			sent += n
		}
		for s.stored.Load() < int64(records) && m.ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
	})
	return s
}

// until waits for something that comes to be in the bubble's time.
func (m *market) until(what string, within time.Duration, is func() bool) time.Duration {
	m.t.Helper()
	began := time.Now()
	for !is() {
		require.Less(m.t, time.Since(began), within, what)
		time.Sleep(time.Millisecond)
	}
	return time.Since(began)
}

func (m *market) lines(words string) (n int) {
	for _, line := range m.logs.take() {
		if strings.Contains(line, words) {
			n++
		}
	}
	return n
}

// A backlog of sources that can wait leaves the room above the mark to the others:
// nothing of theirs is dropped, nothing pauses, and the backlog is read as fast as
// one that may fill the whole buffer.
func TestABacklogCostsNoFreshData(t *testing.T) {
	catchUp := func(t *testing.T, yaml string, live int) (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			m := newMarket(t, scaled+yaml, 40*time.Millisecond)
			var ticks *feedInput
			if live > 0 {
				ticks = m.live("ticks", live)
			}
			a, b := m.backlog("news", 20_000, 50), m.backlog("rates", 20_000, 50)
			took = m.until("the backlog is stored", time.Hour, func() bool { return a.stored.Load() >= 20_000 && b.stored.Load() >= 20_000 })
			assert.Zero(t, m.gate.State().PauseCount)
			assert.Zero(t, m.lines("BACKPRESSURE ACTIVE"))
			assert.LessOrEqual(t, m.highest.Load(), int64(400))
			assert.Positive(t, m.board.Input("news", status.KindKafka).Yielded())
			if ticks != nil {
				assert.Zero(t, ticks.dropped.Load())
				assert.Positive(t, ticks.stored.Load())
			}
		})
		return took
	}
	alone := catchUp(t, "", 0)
	assert.LessOrEqual(t, alone, catchUp(t, "yield_threshold: 399\n", 0)*11/10, "of virtual time: the mark costs no throughput")
	catchUp(t, "", 1)
}

// Sources that can wait alone, and an output that stands still: the gate must close
// and say so, as must the end of it.
func TestAStandingOutputIsAPauseOfABacklogToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMarket(t, scaled, 40*time.Millisecond)
		s := m.backlog("news", 100_000, 50)
		m.until("it runs", time.Minute, func() bool { return s.stored.Load() > 1000 })
		assert.Zero(t, m.lines("BACKPRESSURE ACTIVE"))
		m.works.Store(false)
		took := m.until("the gate closes", time.Minute, m.gate.Paused)
		assert.Less(t, took, gate.StallAfter+3*time.Second)
		assert.Equal(t, 1, m.lines("BACKPRESSURE ACTIVE"))
		time.Sleep(11 * time.Minute)
		assert.Positive(t, m.lines("CRITICAL: Backpressure active for"))

		m.works.Store(true)
		m.until("it opens", time.Minute, func() bool { return !m.gate.Paused() })
		m.until("all is stored", time.Hour, func() bool { return s.stored.Load() >= 100_000 })
		assert.EqualValues(t, 1, m.gate.State().PauseCount, "and it yields again")
	})
}

// Others alone may bring the level over the pause threshold.
func TestSourcesThatCannotWaitPauseAsEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMarket(t, scaled, 200*time.Millisecond)
		s := m.backlog("news", 10_000, 50)
		ticks := m.live("ticks", 40) // 4,000/s of 2,000/s
		m.until("the gate closes", time.Minute, m.gate.Paused)
		m.until("some is dropped", time.Minute, func() bool { return ticks.dropped.Load() > 0 })
		m.until("the backlog comes to its turn all the same", time.Hour, func() bool { return s.stored.Load() >= 10_000 })
	})
}

// Batches that are not full must not wait for their period while the mark keeps the
// inputs from filling them.
func TestAYieldingInputIsNotKeptWaitingByBatchesThatAreNotFull(t *testing.T) {
	// The mark is 300, which is also where batches leave that are not full: six of 45 are
	// below both, and a seventh does not fit.
	for _, size := range []int{50, 45} {
		t.Run(fmt.Sprint("batches of ", size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMarket(t, "max_buffer_size: 500\nbatch: {count: 200, period: 1h}\n", 40*time.Millisecond)
				a, b := m.backlog("a", 200*size, size), m.backlog("b", 200*size, size)
				c, d := m.backlog("c", 200*size, size), m.backlog("d", 200*size, size)
				m.until("all is stored", time.Minute, func() bool {
					return a.stored.Load()+b.stored.Load()+c.stored.Load()+d.stored.Load() > int64(780*size)
				})
				assert.Zero(t, m.gate.State().PauseCount)
			})
		})
	}
}

// A source that begins to wait wakes the buffer, which waits for more to fill a batch.
func TestWaitingForATurnCutsTheBatchThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "max_buffer_size: 500\nbatch: {count: 200, period: 1h}\n")
		r.run()
		r.write(t, "a", 0, 135)
		r.write(t, "b", 0, 135)
		read := make(chan int, 1)
		go func() {
			batch, _, err := r.ReadBatch(t.Context())
			assert.NoError(t, err)
			read <- len(batch)
		}()
		synctest.Wait()
		require.Empty(t, read, "neither is full")
		member := r.gate.JoinAs("a", &feedInput{})
		turn := member.Enter(gate.Level{Records: 45})
		synctest.Wait()
		require.NotEmpty(t, read, "only what waits here can make room")
		require.Equal(t, 135, <-read)
		turn.Leave()
		member.Leave()
		require.NoError(t, r.Close(t.Context()))
	})
}
