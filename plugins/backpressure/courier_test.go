package backpressure

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sink is an output of alerts that does as a test says.
type sink struct {
	mu     sync.Mutex
	got    []string
	tries  []time.Time
	closed int
	answer func(ctx context.Context) error // nil takes everything
}

func (s *sink) WriteBatch(ctx context.Context, b service.MessageBatch) error {
	s.mu.Lock()
	s.tries = append(s.tries, time.Now())
	answer := s.answer
	s.mu.Unlock()
	if answer != nil {
		if err := answer(ctx); err != nil {
			return err
		}
	}
	body, err := b[0].AsBytes()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, string(body))
	return err
}

func (s *sink) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed++
	return nil
}

// take returns what has come since it was called last.
func (s *sink) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	return got
}

// bringing is a started courier to that sink, and its log.
func bringing(t *testing.T, s *sink) (*courier, *rig) {
	t.Helper()
	r := newRig(t, "")
	c := newCourier(s, r.log, &r.metrics)
	c.start()
	return c, r
}

func TestAlertsComeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		c, _ := bringing(t, s)
		for i := range 10 {
			c.send(alert{Event: fmt.Sprint(i)})
		}
		synctest.Wait()
		got := s.take()
		require.Len(t, got, 10)
		for i, body := range got {
			assert.Contains(t, body, fmt.Sprintf(`{"event":"%d",`, i))
		}
		assert.EqualValues(t, 10, c.figures().Sent)
		c.close()
		c.close()
		assert.Equal(t, 1, s.closed)
	})
}

// An output that hangs costs whoever has an alert nothing: the oldest are lost, and
// counted.
func TestAlertsNeverHoldAnybodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{answer: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		c, _ := bringing(t, s)
		began := time.Now()
		for i := range mostAlerts + 100 {
			c.send(alert{Event: fmt.Sprint(i)})
			synctest.Wait()
		}
		assert.Equal(t, began, time.Now(), "nobody waited")
		f := c.figures()
		assert.EqualValues(t, mostAlerts, f.Waiting)
		assert.EqualValues(t, 100, f.Lost)

		s.mu.Lock()
		s.answer = nil
		s.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		got := s.take()
		require.Len(t, got, mostAlerts)
		assert.Contains(t, got[0], `"event":"100"`, "the newest are kept")
		assert.Zero(t, c.figures().Waiting)
		assert.Empty(t, c.figures().Error)
		c.close()
	})
}

// One that is not taken is tried a few times, with growing waits, then it is lost and
// the next one has its turn; the log hears of it now and then, and never of what follows
// the host of an address, which is the secret of a webhook.
func TestAlertsAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{answer: func(context.Context) error {
			return errors.New(`Post "https://me:pw@hooks.example.com/services/T0/SECRET?x=1": connection refused`)
		}}
		c, r := bringing(t, s)
		c.send(alert{Event: "a"})
		c.send(alert{Event: "b"})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		f := c.figures()
		assert.EqualValues(t, 2, f.Lost)
		assert.Zero(t, f.Waiting+f.Sent)
		assert.Equal(t, `Post "https://hooks.example.com/***": connection refused`, f.Error)
		require.Len(t, s.tries, 2*alertAttempts)
		assert.Equal(t, 21*time.Second, s.tries[alertAttempts-1].Sub(s.tries[0]))
		assert.Equal(t, []string{`WARN The output of alerts does not take one: Post "https://hooks.example.com/***": connection refused`}, r.logs.take())
		c.close()
	})
}

// The end of a stream waits for a second, whatever the output does; what waits is sent
// if that is possible.
func TestAlertsEndWithinASecond(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(context.Context) error
		within time.Duration
		sent   int64
	}{
		"it takes them": {nil, 0, 3},
		"it hangs":      {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, alertsEnd, 0},
		"it is down":    {func(context.Context) error { return errors.New("no") }, 0, 0},
		"it is slow":    {func(context.Context) error { time.Sleep(400 * time.Millisecond); return nil }, 1200 * time.Millisecond, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sink{answer: test.answer}
				c, r := bringing(t, s)
				for range 3 {
					c.send(alert{Event: "a"})
				}
				began := time.Now()
				c.close()
				assert.Equal(t, test.within, time.Since(began))
				assert.Equal(t, test.sent, c.figures().Sent)
				assert.Equal(t, 3-test.sent, c.figures().Lost)
				assert.Equal(t, 1, s.closed)
				assert.Equal(t, test.sent == 0, len(r.logs.take()) > 0)
			})
		})
	}
	c, _ := bringing(t, &sink{})
	c.close()
	assert.Zero(t, c.out.(*sink).closed, "an output that never started would be waited for in vain")
}

func TestAddressesKeepNoSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"no address":                        "no address",
		"http://a:1/b?c: refused":           "http://a:1/*** refused",
		`Post "https://u:p@h/x": no, "y"`:   `Post "https://h/***": no, "y"`,
		"https://h and nats://u:p@b:4222":   "https://h/*** and nats://b:4222/***",
		"https://discord.example/api/1/abc": "https://discord.example/***",
	} {
		assert.Equal(t, want, withoutPaths(text))
	}
	long := brief(strings.Repeat("ü", 1000))
	assert.LessOrEqual(t, len(long), mostWords+len("…"))
	assert.NotContains(t, long, "\uFFFD")
}
