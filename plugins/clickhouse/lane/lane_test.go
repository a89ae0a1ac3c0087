package lane

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	errBusy    = errors.New("too many parts")
	errBroken  = errors.New("broken pipe")
	busy       = Outcome{Err: errBusy, Slow: true, Untouched: true}
	broken     = Outcome{Err: errBroken}
	memory     = Outcome{Err: errors.New("memory limit"), Slow: true, TooLarge: true}
	successful = Outcome{}
)

// testJob is text; each byte counts as a row.
type testJob struct {
	ctx   context.Context //nolint:containedctx // a job has one
	text  string
	bytes int
	alone bool

	done     chan struct{}
	err      error
	attempts int
}

func (j *testJob) Context() context.Context { return j.ctx }
func (j *testJob) Size() (rows, bytes int)  { return len(j.text), j.bytes }
func (j *testJob) Alone() bool              { return j.alone }
func (j *testJob) Fail(err error)           { j.end(err, 0) }

func (j *testJob) end(err error, attempts int) {
	j.err, j.attempts = err, attempts
	close(j.done)
}

// testLoad is the text of its jobs.
type testLoad struct {
	rig  *rig
	jobs []*testJob
}

func (l *testLoad) Take(jobs []*testJob) { l.jobs = append(l.jobs, jobs...) }
func (l *testLoad) Jobs() []*testJob     { return l.jobs }

func (l *testLoad) text() string {
	var b strings.Builder
	for _, j := range l.jobs {
		b.WriteString(j.text)
	}
	return b.String()
}

func (l *testLoad) Attempt(ctx context.Context) Outcome { return l.rig.attempt(ctx, l.text()) }

func (l *testLoad) Part() []Load[*testJob] {
	if len(l.jobs) < 2 {
		return nil
	}
	var parts []Load[*testJob]
	for _, j := range l.jobs {
		parts = append(parts, &testLoad{rig: l.rig, jobs: []*testJob{j}})
	}
	return parts
}

func (l *testLoad) Finish(err error, attempts int) {
	for _, j := range l.jobs {
		j.end(err, attempts)
	}
}

// rig is a lane in virtual time, whose outcomes the test decides on.
type rig struct {
	*Lane[*testJob]
	stop context.CancelFunc
	do   func(ctx context.Context, text string) Outcome

	mu      sync.Mutex
	tried   []string
	running int
	most    int // that ran at a time
	queue   Queue
	told    []Attempted
}

func newRig(rules Rules, do func(text string) Outcome) *rig {
	base, stop := context.WithCancel(context.Background())
	r := newRigIn(NewYard(base, rules.Width), rules, do)
	r.stop = stop
	return r
}

func newRigIn(yard *Yard, rules Rules, do func(text string) Outcome) *rig {
	rules.Backoff = Backoff{Initial: 100 * time.Millisecond, Max: 30 * time.Second}
	if rules.Bytes == 0 {
		rules.Bytes = 1 << 20
	}
	r := &rig{do: func(_ context.Context, text string) Outcome { return do(text) }}
	r.Lane = New(yard, rules, Hooks[*testJob]{
		New:       func() Load[*testJob] { return &testLoad{rig: r} },
		Queue:     func(q Queue) { r.mu.Lock(); defer r.mu.Unlock(); r.queue = q },
		Attempted: func(a Attempted) { r.mu.Lock(); defer r.mu.Unlock(); r.told = append(r.told, a) },
	})
	return r
}

func (r *rig) attempt(ctx context.Context, text string) Outcome {
	r.mu.Lock()
	r.tried = append(r.tried, text)
	r.running++
	r.most = max(r.most, r.running)
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.running--
	}()
	return r.do(ctx, text)
}

func (r *rig) attempts() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.tried...)
}

func (r *rig) waiting() Queue {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queue
}

func (r *rig) add(ctx context.Context, text string) *testJob {
	j := &testJob{ctx: ctx, text: text, bytes: len(text), done: make(chan struct{})}
	r.Add(j)
	return j
}

func (r *rig) close() {
	r.stop()
	r.yard.Wait()
}

func TestWhatWaitsLeavesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newRig(Rules{Width: 1, Rows: 4}, func(string) Outcome { <-gate; return successful })
		defer r.close()
		var all []*testJob
		for _, b := range []string{"a", "b", "c", "d", "e", "f"} {
			all = append(all, r.add(t.Context(), b))
			synctest.Wait()
		}
		close(gate)
		for _, j := range all {
			<-j.done
			require.NoError(t, j.err)
		}
		require.Equal(t, []string{"a", "bcde", "f"}, r.attempts())
		<-r.add(t.Context(), "12345").done
		require.Equal(t, "12345", r.attempts()[3], "one job is never parted by the bound")
	})
}

func TestWhatLeavesTogetherIsBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newRig(Rules{Width: 1, Rows: 100, Bytes: 10}, func(string) Outcome { <-gate; return successful })
		defer r.close()
		var last *testJob
		for _, text := range []string{"a", "b", "c", "d", "e"} {
			last = &testJob{ctx: t.Context(), text: text, bytes: 5, done: make(chan struct{})}
			r.Add(last)
			synctest.Wait()
		}
		close(gate)
		<-last.done
		require.Equal(t, []string{"a", "bc", "de"}, r.attempts())
	})
}

func TestAJobThatIsAloneSharesNoLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newRig(Rules{Width: 1, Rows: 100}, func(string) Outcome { <-gate; return successful })
		defer r.close()
		var last *testJob
		for _, text := range []string{"a", "b", "!", "c", "d"} {
			last = &testJob{ctx: t.Context(), text: text, alone: text == "!", done: make(chan struct{})}
			r.Add(last)
			synctest.Wait()
		}
		close(gate)
		<-last.done
		require.Equal(t, []string{"a", "b", "!", "cd"}, r.attempts())
	})
}

func TestNothingOvertakesARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures := 5
		r := newRig(Rules{Width: 3, Rows: 2}, func(string) Outcome {
			if failures--; failures >= 0 {
				return broken
			}
			return successful
		})
		defer r.close()
		first := r.add(t.Context(), "a")
		synctest.Wait()
		require.Equal(t, 1, r.waiting().Jobs)
		require.Equal(t, 1, r.waiting().Attempts)
		require.ErrorIs(t, r.waiting().Last.Err, errBroken)
		var rest []*testJob
		for _, b := range []string{"b", "c", "d"} {
			rest = append(rest, r.add(t.Context(), b))
		}
		synctest.Wait()
		require.Equal(t, 4, r.waiting().Jobs, "what waits behind a retry waits too")
		<-first.done
		for _, j := range rest {
			<-j.done
			require.NoError(t, j.err)
		}
		require.Equal(t, []string{"a", "a", "a", "a", "a", "a"}, r.attempts()[:6])
		require.ElementsMatch(t, []string{"bc", "d"}, r.attempts()[6:])
		synctest.Wait()
		require.Zero(t, r.waiting())
		require.Equal(t, 6, first.attempts)
		require.Len(t, r.told, 8)
	})
}

func TestRetriesKeepTheirOrderAndTheirBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		r := newRig(Rules{Width: 2, Rows: 1}, func(string) Outcome {
			time.Sleep(10 * time.Millisecond)
			if time.Since(begin) < 2*time.Minute {
				return broken
			}
			return successful
		})
		defer r.close()
		a, b := r.add(t.Context(), "a"), r.add(t.Context(), "b")
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

func TestAnOverloadedServerGetsFewerAndLargerLoads(t *testing.T) {
	for name, out := range map[string]Outcome{"nothing stored": busy, "maybe something": {Err: errBusy, Slow: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calm atomic.Bool
				r := newRig(Rules{Width: 4, Rows: 100}, func(string) Outcome {
					time.Sleep(time.Millisecond)
					if calm.Load() {
						return successful
					}
					return out
				})
				defer r.close()
				for _, text := range []string{"1", "2", "3", "4"} {
					r.add(t.Context(), text)
					synctest.Wait()
				}
				require.Equal(t, 4, r.most)
				time.Sleep(time.Millisecond)
				synctest.Wait()
				require.InDelta(t, 1, r.width, 0, "halved by each of the four")
				for _, text := range []string{"5", "6", "7"} {
					r.add(t.Context(), text)
				}
				calm.Store(true)
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				tried := r.attempts()[4:]
				if out.Untouched { // the head takes along what waits, in its order
					require.Equal(t, []string{"1234567"}, tried)
				} else { // the same rows again
					require.Equal(t, []string{"1", "2", "3", "4", "567"}, tried)
				}
				for range 20 {
					<-r.add(t.Context(), "z").done
				}
				synctest.Wait()
				require.InDelta(t, 4, r.width, 0)
			})
		})
	}
}

// Whatever fails how, the loads of one lane that is one wide are done in the
// order of their jobs.
func TestJobsAreDoneInTheOrderTheyCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outcomes := []Outcome{busy, broken, memory, {Err: errBusy, Untouched: true}, successful}
		n := 0
		var done strings.Builder
		r := newRig(Rules{Width: 1, Rows: 3}, func(text string) Outcome {
			time.Sleep(time.Millisecond)
			n++
			out := outcomes[n*7%11%len(outcomes)]
			if out.Err == nil {
				done.WriteString(text)
			}
			return out
		})
		defer r.close()
		want := "abcdefghijklmnopqrstuvwxyz"
		var last *testJob
		for _, c := range want {
			last = r.add(t.Context(), string(c))
			time.Sleep(time.Millisecond / 2)
		}
		<-last.done
		require.Equal(t, want, done.String())
	})
}

func TestWhatMayBeStoredIsNeverMixedWithOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []Outcome{broken, {Err: errBusy, Slow: true}, successful, successful}
		r := newRig(Rules{Width: 1, Rows: 100}, func(string) Outcome {
			out := answers[0]
			answers = answers[1:]
			return out
		})
		defer r.close()
		a := r.add(t.Context(), "a")
		synctest.Wait()
		b := r.add(t.Context(), "b")
		<-a.done
		<-b.done
		require.Equal(t, []string{"a", "a", "a", "b"}, r.attempts())
	})
}

func TestALoadThatIsTooLargeIsTakenApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		r := newRig(Rules{Width: 1, Rows: 100}, func(text string) Outcome {
			if first {
				first = false
				time.Sleep(time.Second)
				return broken
			}
			if len(text) > 1 {
				return memory
			}
			return successful
		})
		defer r.close()
		a := r.add(t.Context(), "a")
		synctest.Wait()
		var rest []*testJob
		for _, text := range []string{"b", "c", "d"} {
			rest = append(rest, r.add(t.Context(), text))
		}
		<-a.done
		for _, j := range rest {
			<-j.done
			require.NoError(t, j.err)
		}
		require.Equal(t, []string{"a", "a", "bcd", "b", "c", "d"}, r.attempts())
	})
}

func TestMaxRetriesHandsOnlyThatJobBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(Rules{Width: 1, Rows: 100, MaxRetries: 2}, func(text string) Outcome {
			if text == "bad" {
				return busy
			}
			return successful
		})
		defer r.close()
		bad := r.add(t.Context(), "bad")
		synctest.Wait()
		good, better := r.add(t.Context(), "good"), r.add(t.Context(), "better")
		<-bad.done
		require.ErrorContains(t, bad.err, "giving up after 3 attempts")
		<-good.done
		<-better.done
		require.NoError(t, good.err)
		require.Equal(t, []string{"bad", "bad", "bad", "good", "better"}, r.attempts(), "with a bound no job shares a load")
	})
}

func TestALaneInTroubleHoldsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base, stop := context.WithCancel(t.Context())
		yard := NewYard(base, 1)
		defer yard.Wait()
		defer stop()
		bad := newRigIn(yard, Rules{Width: 1, Rows: 1}, func(string) Outcome { return broken })
		good := newRigIn(yard, Rules{Width: 1, Rows: 1}, func(string) Outcome { return successful })
		for range 10 {
			bad.add(base, "x")
		}
		synctest.Wait()
		j := good.add(base, "y")
		<-j.done
		require.NoError(t, j.err)
		require.Equal(t, 10, bad.waiting().Jobs)
	})
}

func TestAJobIsTakenBackWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing, hanging atomic.Bool
		r := newRig(Rules{Width: 1, Rows: 1}, nil)
		r.do = func(ctx context.Context, _ string) Outcome {
			switch {
			case hanging.Load():
				<-ctx.Done()
				return Outcome{Err: ctx.Err()}
			case failing.Load():
				return broken
			}
			return successful
		}
		defer r.close()
		failing.Store(true)
		ctx, cancel := context.WithCancel(t.Context())
		waiting, behind := r.add(ctx, "w"), r.add(ctx, "b")
		last := r.add(t.Context(), "l")
		synctest.Wait()
		cancel()
		<-waiting.done
		require.ErrorIs(t, waiting.err, context.Canceled)
		<-behind.done
		require.Error(t, behind.err) // its own, if it was tried meanwhile
		failing.Store(false)
		<-last.done
		require.NoError(t, last.err)

		hanging.Store(true)
		ctx, cancel = context.WithCancel(t.Context())
		running := r.add(ctx, "r")
		synctest.Wait()
		cancel()
		<-running.done
		require.Error(t, running.err)
		synctest.Wait()
		require.Zero(t, r.waiting())
		require.True(t, r.told[len(r.told)-1].GivenUp)
	})
}

// A panic in an attempt is the failure of that load: it is attempted again, and
// other lanes go on.
func TestAPanicIsAFailedAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		panics := 2
		r := newRig(Rules{Width: 1, Rows: 1}, func(string) Outcome {
			if panics--; panics >= 0 {
				panic("no such column")
			}
			return successful
		})
		defer r.close()
		j := r.add(t.Context(), "a")
		synctest.Wait()
		var fault *PanicError
		require.ErrorAs(t, r.waiting().Last.Err, &fault)
		require.Contains(t, string(fault.Stack), "lane_test.go")
		<-j.done
		require.NoError(t, j.err)
		require.Equal(t, 3, j.attempts)
	})
}
