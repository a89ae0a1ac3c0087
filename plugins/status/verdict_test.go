package status

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scene is a stream that a verdict is asked for: what is read once a second is.
type scene struct {
	board  *Board
	in     *Input
	out    *Output
	buffer Buffer
}

// pass lets seconds pass, each of which does something first; nil is nothing.
func (s *scene) pass(seconds int, each func()) {
	for range seconds {
		if each != nil {
			each()
		}
		time.Sleep(time.Second)
		s.board.history.observe(s.board.Figures(), time.Now())
	}
}

func (s *scene) hold(records int64) { s.buffer.Level = records }

// judged is what a case expects; since is in seconds after the start, -1 for not known.
type judged struct {
	state, title string
	since        int
	why          []string
	stalled      time.Duration
}

var verdicts = map[string]struct {
	play func(s *scene)
	want judged
}{
	"nothing comes": {
		func(s *scene) { s.pass(3, nil) },
		judged{state: StateHealthy, title: "Ready, nothing arrives"},
	},
	"records come": {
		func(s *scene) { s.pass(3, func() { s.in.Received.Add(1) }) },
		judged{state: StateHealthy, title: "Data is flowing"},
	},
	"what is held is stored, and nothing comes": {
		func(s *scene) { s.pass(3, func() { s.out.Table("ticks").Rows.Add(1) }) },
		judged{state: StateHealthy, title: "Data is flowing"},
	},
	"too many records": {
		func(s *scene) {
			s.pass(2, nil)
			s.board.BeginPause(ReasonLevel, "", 40001, 1)
			s.pass(3, nil)
		},
		judged{state: StatePaused, title: "Paused: the buffer is full", since: 2, why: []string{
			"Sources are not read until the level falls below 20,000 records; that happens by itself.",
		}},
	},
	"the gate has closed, and the pause is not noted yet": {
		func(s *scene) {
			s.pass(2, nil)
			s.buffer.Active, s.buffer.LastPause = true, time.Now()
		},
		judged{state: StatePaused, title: "Paused: the buffer is full", since: 2, why: []string{
			"Sources are not read until the level falls below 20,000 records; that happens by itself.",
		}},
	},
	"too many bytes": {
		func(s *scene) {
			s.buffer.ResumeBytes = 3 << 19
			s.board.BeginPause(ReasonBytes, "", 1, 1)
		},
		judged{state: StatePaused, title: "Paused: the buffer is heavy", why: []string{
			"Sources are not read until the level falls below 1.5 MiB; that happens by itself.",
		}},
	},
	"an operator holds an input": {
		func(s *scene) {
			s.pass(4, nil)
			s.operator()
		},
		judged{state: StatePaused, title: "Paused by an operator", since: 4, why: []string{
			"Held by an operator: ticks. That ends when somebody resumes them.",
		}},
	},
	"an operator and the buffer": {
		func(s *scene) {
			s.operator()
			s.pass(4, nil)
			s.board.BeginPause(ReasonLevel, "", 40001, 1)
		},
		judged{state: StatePaused, title: "Paused: the buffer is full", since: 4, why: []string{
			"Sources are not read until the level falls below 20,000 records; that happens by itself.",
			"Held by an operator: ticks. That ends when somebody resumes them.",
		}},
	},
	"a pause is over": {
		func(s *scene) {
			s.board.BeginPause(ReasonLevel, "", 40001, 1)
			s.pass(3, nil)
			s.board.EndPauses(func(Pause) bool { return true })
			s.pass(3, nil)
		},
		judged{state: StateHealthy, title: "Ready, nothing arrives", since: 3},
	},
	"a pause was over the day before yesterday": {
		func(s *scene) {
			s.board.BeginPause(ReasonOperator, "ticks", 1, 1)
			s.pass(3, nil)
			s.board.EndPauses(func(Pause) bool { return true })
			time.Sleep(48 * time.Hour)
		},
		judged{state: StateHealthy, title: "Ready, nothing arrives", since: 3},
	},
	"both links broke a moment ago": {
		func(s *scene) {
			s.in.Link.Down(errors.New("refused"))
			s.out.Link.Down(errors.New("refused"))
			s.pass(2, nil)
		},
		judged{state: StateHealthy, title: "Ready, nothing arrives", why: []string{"Not connected: ticks, clickhouse."}},
	},
	"a link broke long ago": {
		func(s *scene) {
			s.out.Link.Down(errors.New("refused"))
			s.pass(61, nil)
		},
		judged{state: StateUnhealthy, title: "Unhealthy", since: -1, why: []string{`s.output "clickhouse" disconnected for 1m1s: refused`}},
	},
	"a pause that lasts too long": {
		func(s *scene) {
			s.board.BeginPause(ReasonLevel, "", 40001, 1)
			s.buffer.Active, s.buffer.LastPause = true, time.Now()
			s.pass(601, nil)
		},
		judged{state: StateUnhealthy, title: "Unhealthy, and paused", why: []string{
			"s.backpressure active for 10m1s, longer than alert_after (10m0s): ClickHouse write bottleneck",
			"Sources are not read until the level falls below 20,000 records; that happens by itself.",
		}},
	},
	"an input yields": {
		func(s *scene) { s.in.Yield() },
		judged{state: StateHealthy, title: "Ready, nothing arrives", why: []string{
			"Yielding: ticks. What can wait leaves room for what cannot; that is no fault.",
		}},
	},
	"nothing is stored for nine seconds": {
		func(s *scene) {
			s.pass(5, nil)
			s.hold(1234)
			s.pass(9, nil)
		},
		judged{state: StateHealthy, title: "Ready, nothing arrives"},
	},
	"nothing is stored for long": {
		func(s *scene) {
			s.pass(5, nil)
			s.hold(1234)
			s.pass(3, func() { s.out.Table("ticks").Rows.Add(1) })
			s.pass(72, nil)
		},
		judged{state: StateHealthy, title: "Ready, nothing arrives", stalled: 72 * time.Second, why: []string{
			"Nothing has been stored for 1 min 12 s while 1,234 records wait: ClickHouse does not answer, or is slow.",
		}},
	},
	"dead letters are progress": {
		func(s *scene) {
			s.hold(1234)
			s.pass(20, func() { s.out.Unrouted.Add(1) })
		},
		judged{state: StateHealthy, title: "Ready, nothing arrives"},
	},
	"a batch waits": {
		func(s *scene) { s.out.Table("ticks").SetQueue(Queue{Batches: 1, Rows: 5, Since: time.Now()}) },
		judged{state: StateHealthy, title: "Ready, nothing arrives", why: []string{"1 batch waits to be tried again."}},
	},
	"batches wait": {
		func(s *scene) { s.out.Table("ticks").SetQueue(Queue{Batches: 1200, Rows: 5, Since: time.Now()}) },
		judged{state: StateHealthy, title: "Ready, nothing arrives", why: []string{"1,200 batches wait to be tried again."}},
	},
	"an input discards": {
		func(s *scene) { s.pass(10, func() { s.in.SlowConsumer.Add(1) }) },
		judged{state: StateHealthy, title: "Ready, nothing arrives", why: []string{"Inputs discard 1.0 records per second, counted."}},
	},
	"pausing is configured to be off": {
		func(s *scene) { s.buffer.PausingOff = true },
		judged{state: StateHealthy, title: "Ready, nothing arrives", why: []string{
			"Pausing is switched off (enabled: false): a full buffer blocks the inputs instead.",
		}},
	},
	"an operator has changed settings": {
		func(s *scene) {
			s.buffer.PausingOff = true
			s.buffer.Overrides = []Override{
				{Setting: "enabled", Configured: true, Current: false},
				{Setting: "pause_threshold", Configured: 40000, Current: int64(30000)},
				{Setting: "alert_after", Configured: "10m0s", Current: "5m0s"},
			}
		},
		judged{state: StateHealthy, title: "Ready, nothing arrives", why: []string{
			"Pausing is switched off (enabled: false) by an operator, until the stream stops: a full buffer blocks the inputs instead.",
			"Changed by an operator until the stream stops: pause_threshold is 30,000, configured is 40,000.",
			"Changed by an operator until the stream stops: alert_after is 5m0s, configured is 10m0s.",
		}},
	},
	"an operator has switched pausing on": {
		func(s *scene) {
			s.buffer.Overrides = []Override{{Setting: "enabled", Configured: false, Current: true}}
		},
		judged{state: StateHealthy, title: "Ready, nothing arrives", why: []string{
			"Changed by an operator until the stream stops: enabled is true, configured is false.",
		}},
	},
	"alerts are lost": {
		func(s *scene) { s.buffer.Alerts = &Alerts{Lost: 1502, Error: "refused"} },
		judged{state: StateHealthy, title: "Ready, nothing arrives", why: []string{"Alerts are not delivered (1,502 lost): refused"}},
	},
}

// operator holds the input by hand.
func (s *scene) operator() {
	s.board.BeginPause(ReasonOperator, "ticks", 1, 1)
	s.buffer.Held = map[string]time.Time{"ticks": time.Now()}
}

// What the figures of a stream mean is said in one place, for the page, top and scripts.
func TestVerdict(t *testing.T) {
	for name, c := range verdicts {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				started := time.Now()
				s := &scene{board: NewBoard("s"), buffer: Buffer{ResumeThreshold: 20000, LinkGrace: time.Minute, AlertAfter: 10 * time.Minute}}
				s.in, s.out = s.board.Input("ticks", KindKafka), s.board.Output("clickhouse")
				s.in.Link.Up()
				s.out.Link.Up()
				s.board.SetBuffer(func() Buffer { return s.buffer })
				c.play(s)
				u := s.board.update(&cursor{}, started)
				v := u.Verdict
				assert.Equal(t, c.want.state, v.State)
				assert.Equal(t, c.want.state, u.Health.State, "/health says it in the same word")
				assert.Equal(t, c.want.state == StateUnhealthy, u.Health.Status == StateUnhealthy)
				assert.Equal(t, c.want.title, v.Title)
				require.NotNil(t, v.Why, "a list in JSON")
				assert.Equal(t, append([]string{}, c.want.why...), v.Why)
				assert.Equal(t, c.want.since == -1, v.Since == nil)
				if v.Since != nil {
					assert.Equal(t, time.Duration(c.want.since)*time.Second, time.Time(*v.Since).Sub(started))
				}
				if c.want.stalled == 0 {
					assert.Nil(t, v.Stalled)
				} else if assert.NotNil(t, v.Stalled) {
					assert.Equal(t, Age(c.want.stalled), *v.Stalled)
				}
			})
		})
	}
}

// Several streams are one service: paused where any of them is, unhealthy where any is.
func TestTheStateOfSeveralStreamsIsTheWorst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := NewBoard("a"), NewBoard("b")
		b.SetBuffer(func() Buffer { return Buffer{LinkGrace: time.Minute} })
		assert.Equal(t, StateHealthy, HealthOf(a, b).State)
		a.BeginPause(ReasonOperator, "ticks", 1, 1)
		assert.Equal(t, StatePaused, HealthOf(a, b).State)
		assert.Equal(t, StateHealthy, HealthOf(a, b).Status, "a pause is no fault")
		b.Output("clickhouse")
		time.Sleep(2 * time.Minute)
		assert.Equal(t, StateUnhealthy, HealthOf(a, b).State)
	})
}

func TestWords(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -41234: "-41,234", 1234567: "1,234,567"} {
		assert.Equal(t, want, Thousands(n))
	}
	for rate, want := range map[float64]string{0: "0", 0.4: "0.4", 9.94: "9.9", 10.4: "10", 41233.6: "41,234"} {
		assert.Equal(t, want, PerSecond(rate))
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 100 << 10: "100 KiB", 5 << 20: "5.0 MiB", 3 << 30: "3.0 GiB"} {
		assert.Equal(t, want, Size(n))
	}
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 59900 * time.Millisecond: "59 s", 61 * time.Second: "1 min 1 s", 90 * time.Minute: "1 h 30 min", 49 * time.Hour: "2 d 1 h",
	} {
		assert.Equal(t, want, Lasting(d))
	}
}
