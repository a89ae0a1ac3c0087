package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/semaphore"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// laneRig is a lane in virtual time, whose inserts the test decides on.
type laneRig struct {
	*lane
	stop    context.CancelFunc
	workers sync.WaitGroup
	insert  func(c *chunk) error

	mu      sync.Mutex
	tried   []string // the bodies of each attempt
	running int
	most    int // that ran at a time
}

func newLaneRig(rules laneRules, insert func(c *chunk) error) *laneRig {
	if rules.backoff == (backoff{}) {
		rules.backoff = backoff{initial: 100 * time.Millisecond, max: 30 * time.Second}
	}
	r := &laneRig{lane: newLane(rules), insert: insert}
	r.base, r.stop = context.WithCancel(context.Background())
	r.lane.workers = &r.workers
	r.slots = semaphore.NewWeighted(int64(rules.width))
	r.figures = &status.Table{}
	r.changed = func() {}
	r.redact = func(err error) error { return err }
	r.tell = func(report) {}
	r.attempt = r.try
	return r
}

func (r *laneRig) try(_ context.Context, c *chunk) error {
	r.mu.Lock()
	text := ""
	for _, one := range c.records {
		text += string(one.data)
	}
	r.tried = append(r.tried, text)
	r.running++
	r.most = max(r.most, r.running)
	r.mu.Unlock()
	err := r.insert(c)
	r.mu.Lock()
	r.running--
	r.mu.Unlock()
	return err
}

func (r *laneRig) attempts() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.tried...)
}

// deliver queues messages of those bodies.
func (r *laneRig) deliver(ctx context.Context, bodies ...string) *delivery {
	d := newDelivery(ctx, recordsOf(records(bodies...)), nil)
	r.add(d)
	return d
}

func (r *laneRig) close() {
	r.stop()
	r.workers.Wait()
}

func serverError(code int) error { return &server.Exception{Code: code, Message: "no"} }

func TestWhatWaitsLeavesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newLaneRig(laneRules{width: 1, rows: 4}, func(*chunk) error { <-gate; return nil })
		defer r.close()
		var all []*delivery
		for _, b := range []string{"a", "b", "c", "d", "e", "f"} {
			all = append(all, r.deliver(t.Context(), b))
			synctest.Wait()
		}
		close(gate)
		for _, d := range all {
			<-d.done
			require.NoError(t, d.err)
		}
		require.Equal(t, []string{"a", "bcde", "f"}, r.attempts())
		large := r.deliver(t.Context(), "1", "2", "3", "4", "5")
		<-large.done
		require.Equal(t, "12345", r.attempts()[3], "one delivery is never split")
	})
}

func TestNothingOvertakesARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures := 5
		r := newLaneRig(laneRules{width: 3, rows: 2}, func(*chunk) error {
			if failures--; failures >= 0 {
				return serverError(999)
			}
			return nil
		})
		defer r.close()
		first := r.deliver(t.Context(), "a")
		synctest.Wait()
		require.Equal(t, status.Queue{Batches: 1, Since: r.retries[0].since, Attempts: 1, Err: "retry: code: 999, message: no"}, r.figures.Queue())
		var rest []*delivery
		for _, b := range []string{"b", "c", "d"} {
			rest = append(rest, r.deliver(t.Context(), b))
		}
		synctest.Wait()
		require.EqualValues(t, 4, r.figures.Queue().Batches, "what waits behind a retry waits too")
		<-first.done
		for _, d := range rest {
			<-d.done
			require.NoError(t, d.err)
		}
		require.Equal(t, []string{"a", "a", "a", "a", "a", "a"}, r.attempts()[:6])
		require.ElementsMatch(t, []string{"bc", "d"}, r.attempts()[6:])
		synctest.Wait()
		require.Zero(t, r.figures.Queue())
		require.EqualValues(t, 5, r.figures.Retries.Load())
		require.Equal(t, 6, first.attempts)
	})
}

func TestRetriesKeepTheirOrderAndTheirBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		r := newLaneRig(laneRules{width: 2, rows: 1}, func(*chunk) error {
			time.Sleep(10 * time.Millisecond)
			if time.Since(begin) < 2*time.Minute {
				return errors.New("connection reset")
			}
			return nil
		})
		defer r.close()
		a, b := r.deliver(t.Context(), "a"), r.deliver(t.Context(), "b")
		<-a.done
		<-b.done
		tried := r.attempts()
		require.ElementsMatch(t, []string{"a", "b"}, tried[:2])
		require.Equal(t, []string{"a", "b"}, tried[len(tried)-2:])
		require.Less(t, len(tried), 60, "two minutes of back-off up to 30 s")
		require.Greater(t, len(tried), 8)
		for _, text := range tried[2 : len(tried)-2] {
			require.Equal(t, "a", text, "only the head probes")
		}
	})
}

func TestAnOverloadedServerGetsFewerAndLargerInserts(t *testing.T) {
	for _, code := range []int{202, 252, 241} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calm atomic.Bool
				r := newLaneRig(laneRules{width: 4, rows: 100}, func(*chunk) error {
					time.Sleep(time.Millisecond)
					if calm.Load() {
						return nil
					}
					return serverError(code)
				})
				defer r.close()
				for range 4 {
					r.deliver(t.Context(), "x")
					synctest.Wait()
				}
				require.Equal(t, 4, r.most)
				time.Sleep(time.Millisecond)
				synctest.Wait()
				require.InDelta(t, 1, r.width, 0, "halved by each of the four")
				for range 3 {
					r.deliver(t.Context(), "y")
				}
				calm.Store(true)
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				tried := r.attempts()[4:]
				if code == 241 { // it may have come in the middle: the same rows again
					require.Equal(t, []string{"x", "x", "x", "x", "yyy"}, tried)
				} else { // nothing was written: the head takes along what waits
					require.Equal(t, []string{"xyyy", "x", "x", "x"}, tried)
				}
				require.Greater(t, r.width, 1.9)
				for range 20 {
					<-r.deliver(t.Context(), "z").done
				}
				synctest.Wait()
				require.InDelta(t, 4, r.width, 0)
			})
		})
	}
}

func TestAnUnknownOutcomeIsNeverMixedWithOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []error{errors.New("broken pipe"), serverError(252), nil, nil}
		r := newLaneRig(laneRules{width: 1, rows: 100}, func(*chunk) error {
			err := answers[0]
			answers = answers[1:]
			return err
		})
		defer r.close()
		a := r.deliver(t.Context(), "a")
		synctest.Wait()
		b := r.deliver(t.Context(), "b")
		<-a.done
		<-b.done
		require.Equal(t, []string{"a", "a", "a", "b"}, r.attempts())
	})
}

func TestMaxRetriesHandsOnlyThatChunkBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newLaneRig(laneRules{width: 1, rows: 1, maxRetries: 2}, func(c *chunk) error {
			if string(c.records[0].data) == "bad" {
				return serverError(252)
			}
			return nil
		})
		defer r.close()
		bad := r.deliver(t.Context(), "bad")
		synctest.Wait()
		good := r.deliver(t.Context(), "good")
		<-bad.done
		require.ErrorContains(t, bad.err, "giving up after 3 attempts")
		require.Equal(t, []int{0}, bad.failed)
		<-good.done
		require.NoError(t, good.err)
	})
}

func TestALaneInTroubleHoldsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := newLaneRig(laneRules{width: 1, rows: 1}, func(*chunk) error { return serverError(60) })
		defer bad.close()
		good := newLaneRig(laneRules{width: 1, rows: 1}, func(*chunk) error { return nil })
		defer good.close()
		good.slots = bad.slots
		for range 10 {
			bad.deliver(t.Context(), "x")
		}
		synctest.Wait()
		d := good.deliver(t.Context(), "y")
		<-d.done
		require.NoError(t, d.err)
		require.True(t, bad.figures.Queue().Stuck)
		require.EqualValues(t, 10, bad.figures.Queue().Batches)
	})
}

func TestADeliveryIsTakenBackWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing, hanging atomic.Bool
		r := newLaneRig(laneRules{width: 1, rows: 1}, nil)
		r.insert = func(c *chunk) error {
			switch {
			case hanging.Load():
				<-c.ctx.Done()
				return c.ctx.Err()
			case failing.Load():
				return serverError(999)
			}
			return nil
		}
		defer r.close()
		failing.Store(true)
		ctx, cancel := context.WithCancel(t.Context())
		waiting, behind := r.deliver(ctx, "waiting"), r.deliver(ctx, "behind")
		last := r.deliver(t.Context(), "last")
		synctest.Wait()
		cancel()
		<-waiting.done
		require.ErrorIs(t, waiting.err, context.Canceled)
		<-behind.done
		require.Error(t, behind.err) // its own, if it was tried meanwhile
		for _, d := range []*delivery{waiting, behind} {
			require.Equal(t, []int{0}, d.failed)
		}
		failing.Store(false)
		<-last.done
		require.NoError(t, last.err)

		hanging.Store(true)
		ctx, cancel = context.WithCancel(t.Context())
		running := r.deliver(ctx, "running")
		synctest.Wait()
		cancel()
		<-running.done
		require.Equal(t, []int{0}, running.failed)
		synctest.Wait()
		require.Zero(t, r.figures.Queue())
	})
}

// A chunk of several deliveries tells each of them what is theirs.
func TestAChunkIsSettledByDelivery(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := newChunk(ctx, 1)
	var all []*delivery
	for _, bodies := range [][]string{{"a", "b"}, {"c"}, {"d", "e", "f"}} {
		d := newDelivery(ctx, recordsOf(records(bodies...)), nil)
		d.stop = func() bool { return true }
		all = append(all, d)
	}
	c.take(all)
	require.Len(t, c.records, 6)
	b := &column.Block{Schema: &column.Schema{Table: "t"}, Rows: []int{0, 1, 3, 4}}
	c.decoded = true
	c.pending = []segment{{block: b, from: 2, to: 4}} // d and e
	c.bad = []badRow{{index: 2, err: column.ErrNull}, {index: 5, err: column.ErrNull}}
	c.finish(errDrift)
	require.NoError(t, all[0].err)
	require.Empty(t, all[0].failed)
	require.NoError(t, all[1].err)
	require.Equal(t, 0, all[1].bad[0].index)
	require.ErrorIs(t, all[2].err, errDrift)
	require.Equal(t, []int{0, 1}, all[2].failed)
	require.Equal(t, 2, all[2].bad[0].index)
}
