package nats

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// lossy is a server with a stream FEED as a test wants it.
type lossy struct {
	t   testing.TB
	url string
	js  jetstream.JetStream
	n   int // messages that were published
}

func newLossy(t testing.TB, conf jetstream.StreamConfig) *lossy {
	t.Helper()
	s := startServer(t, withJetStream(t.TempDir()))
	l := &lossy{t: t, url: s.ClientURL(), js: jetClient(t, s.ClientURL())}
	conf.Name, conf.Storage = "FEED", jetstream.MemoryStorage
	if conf.Subjects == nil {
		conf.Subjects = []string{"feed.>"}
	}
	_, err := l.js.CreateStream(t.Context(), conf)
	require.NoError(t, err)
	return l
}

func (l *lossy) rig(yaml string) *jetRig {
	l.t.Helper()
	if !strings.Contains(yaml, "batch:") {
		yaml = "batch: {period: 1ms}\n" + yaml
	}
	r := newJetRig(l.t, l.url, l.js, yaml)
	connect(l.t, r.in)
	return r
}

// publish stores the next n numbers under a subject.
func (l *lossy) publish(subject string, n int) {
	l.t.Helper()
	publishNumbers(l.t, l.js, subject, l.n, l.n+n)
	l.n += n
}

func (l *lossy) stream() jetstream.Stream {
	l.t.Helper()
	s, err := l.js.Stream(l.t.Context(), "FEED")
	require.NoError(l.t, err)
	return s
}

// pause holds the input until it asks for nothing.
func (r *jetRig) pause() {
	r.t.Helper()
	r.gate.Hold(gate.ReasonOperator)
	r.untilIdle()
}

func (r *jetRig) resume() { r.gate.Release(gate.ReasonOperator) }

// lost says how many records are to be counted as lost.
func (r *jetRig) lost(n int) {
	r.t.Helper()
	assert.EqualValues(r.t, n, r.counted(), r.log.String())
}

// counted is how many records of what was delivered so far are counted as lost.
func (r *jetRig) counted() int64 {
	if s := r.in.current(); s != nil {
		s.countLoss(r.t.Context())
	}
	return r.figures.Lost.Load()
}

// What the stream deletes while nobody reads is counted, with a line in the log.
func TestJetCountsWhatLimitsDeleteWhilePaused(t *testing.T) {
	t.Parallel()
	for name, conf := range map[string]jetstream.StreamConfig{
		"max_msgs":  {MaxMsgs: 10},
		"max_bytes": {MaxBytes: 10 * 36},
		"workqueue": {MaxMsgs: 10, Retention: jetstream.WorkQueuePolicy},
		"interest":  {MaxMsgs: 10, Retention: jetstream.InterestPolicy},
		"subject":   {MaxMsgsPerSubject: 10},
	} {
		t.Run(name, func(t *testing.T) {
			onEachPolicy(t, func(t *testing.T, yaml string) {
				if conf.Retention == jetstream.WorkQueuePolicy && strings.Contains(yaml, "all") {
					t.Skip("such a stream takes explicit acknowledgements only")
				}
				l := newLossy(t, conf)
				r := l.rig(yaml)
				l.publish("feed.a", 10)
				before, _ := r.readN(10, true)
				r.settled(10)
				r.pause()
				l.publish("feed.a", 100)
				r.resume()
				after, _ := r.readN(1, true)
				for len(after) == 0 || after[len(after)-1] != "109" {
					more, _ := r.readN(1, true)
					after = append(after, more...)
				}
				r.settled(110)
				want := 110 - len(before) - len(after)
				require.Positive(t, want)
				r.lost(want)
				line := r.log.lines("JetStream no longer has records that were not read yet")
				require.Len(t, line, 1)
				for _, part := range []string{"stream=FEED", "durable=bridge", "from=11", fmt.Sprint("to=", 11+want), fmt.Sprint("records=", want)} {
					assert.Contains(t, line[0], " "+part)
				}
				assert.NotContains(t, line[0], "at_most")
			})
		})
	}
}

func TestJetCountsWhatAgesWhilePaused(t *testing.T) {
	t.Parallel()
	l := newLossy(t, jetstream.StreamConfig{})
	r := l.rig("")
	l.publish("feed.a", 5)
	r.readN(5, true)
	r.pause()
	l.publish("feed.a", 7)
	l.limit(func(c *jetstream.StreamConfig) { c.MaxAge, c.Duplicates = 100*time.Millisecond, 100*time.Millisecond })
	eventually(t, func() bool { return l.state().Msgs == 0 }, nil)
	l.limit(func(c *jetstream.StreamConfig) { c.MaxAge = 0 })
	r.resume()
	l.publish("feed.a", 1)
	got, _ := r.readN(1, true)
	assert.Equal(t, []string{"12"}, got)
	r.lost(7)
}

func (l *lossy) limit(change func(*jetstream.StreamConfig)) {
	l.t.Helper()
	conf := l.stream().CachedInfo().Config
	change(&conf)
	_, err := l.js.UpdateStream(l.t.Context(), conf)
	require.NoError(l.t, err)
}

func (l *lossy) state() jetstream.StreamState {
	l.t.Helper()
	return l.stream().CachedInfo().State
}

func TestJetCountsWhatIsDeletedByHand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(jetstream.Stream) error
		lost int
	}{
		"purge":           {func(s jetstream.Stream) error { return s.Purge(t.Context()) }, 20},
		"purge keep":      {func(s jetstream.Stream) error { return s.Purge(t.Context(), jetstream.WithPurgeKeep(3)) }, 17},
		"purge subject":   {func(s jetstream.Stream) error { return s.Purge(t.Context(), jetstream.WithPurgeSubject("feed.b")) }, 10},
		"purge read ones": {func(s jetstream.Stream) error { return s.Purge(t.Context(), jetstream.WithPurgeSequence(11)) }, 0},
		"one message":     {func(s jetstream.Stream) error { return s.DeleteMsg(t.Context(), 15) }, 1},
		"one read":        {func(s jetstream.Stream) error { return s.DeleteMsg(t.Context(), 5) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLossy(t, jetstream.StreamConfig{})
			r := l.rig("")
			l.publish("feed.a", 10)
			r.readN(10, true)
			r.pause()
			l.publish("feed.a", 10)
			l.publish("feed.b", 10)
			require.NoError(t, c.do(l.stream()))
			r.resume()
			l.publish("feed.c", 1)
			r.readUpTo("30")
			r.lost(c.lost)
		})
	}
}

// readUpTo reads, and acknowledges, until a number has come.
func (r *jetRig) readUpTo(last string) (got []string) {
	r.t.Helper()
	for !slices.Contains(got, last) {
		more, _ := r.readN(1, true)
		got = append(got, more...)
	}
	return got
}

func TestJetCountsWhatIsDeletedWhileStopped(t *testing.T) {
	t.Parallel()
	for name, conf := range map[string]jetstream.StreamConfig{"limits": {MaxMsgs: 10}, "subject": {MaxMsgsPerSubject: 10}} {
		t.Run(name, func(t *testing.T) {
			onEachPolicy(t, func(t *testing.T, yaml string) {
				l := newLossy(t, conf)
				r := l.rig(yaml)
				l.publish("feed.a", 10)
				r.readN(10, true)
				r.settled(10)
				require.NoError(t, r.in.Close(t.Context()))
				l.publish("feed.b", 10)
				l.publish("feed.a", 30)
				r = l.rig(yaml)
				got := r.readUpTo("49")
				r.lost(40 - len(got))
			})
		})
	}
}

// What a stream had no more when its consumer was made was never to be read, and nor
// is what a consumer leaves out by its deliver policy.
func TestJetCountsNothingThatWasGoneBeforeTheConsumer(t *testing.T) {
	t.Parallel()
	for _, yaml := range []string{
		"deliver: all", "deliver: last", "deliver: last_per_subject\nsubjects: [feed.>]", "deliver: new",
		"deliver: by_start_sequence\nstart_sequence: 7", "deliver: by_start_time\nstart_time: 2026-01-31T00:00:00Z",
	} {
		t.Run(yaml, func(t *testing.T) {
			l := newLossy(t, jetstream.StreamConfig{MaxMsgsPerSubject: 2})
			for range 5 {
				l.publish("feed.a", 1)
				l.publish("feed.b", 3)
				l.publish("feed.c", 1)
			}
			require.NoError(t, l.stream().DeleteMsg(t.Context(), 24))
			r := l.rig(yaml)
			l.publish("feed.d", 1)
			r.readUpTo("25")
			r.lost(0)
		})
	}
}

// Nor is it counted by the next who reads on in the middle.
func TestJetCountsNoOldGapsAfterARestart(t *testing.T) {
	t.Parallel()
	l := newLossy(t, jetstream.StreamConfig{MaxMsgsPerSubject: 1})
	for i := range 300 {
		l.publish("feed."+strconv.Itoa(i%100*(i%7)), 1)
	}
	r := l.rig("pending_limits: {messages: 10}\nbatch: {count: 10}")
	r.readN(20, true)
	r.drainAndClose()
	r = l.rig("")
	r.readUpTo("299")
	r.lost(0)
}

// drainAndClose ends an input that holds nothing.
func (r *jetRig) drainAndClose() {
	r.t.Helper()
	r.pause()
	for r.in.current().intake.waiting() > 0 {
		r.readN(1, true)
	}
	require.NoError(r.t, r.in.Close(r.t.Context()))
	r.resume()
}

// lossModel does at random what may be done to a stream and to its reader, and knows
// what was published and what was read.
type lossModel struct {
	*lossy
	rnd       *rand.Rand
	yaml      string
	rig       *jetRig
	paused    bool
	restarts  bool            // restarts of the reader, else purges
	rejects   bool            // what was read, at times
	published map[string]bool // of those that are ours
	read      map[string]bool
	lost      int64 // counted by readers that have ended
}

func (m *lossModel) begin() { m.rig = m.lossy.rig(m.yaml) }

func (m *lossModel) step() {
	switch m.rnd.IntN(12) {
	case 0, 1, 2, 3, 4:
		m.store([]string{"a", "b", "c", "other"}[m.rnd.IntN(4)], 1+m.rnd.IntN(8))
	case 5, 6, 7:
		m.readSome(!m.rejects || m.rnd.IntN(3) > 0)
	case 8:
		m.toggle()
	case 9:
		state := m.state()
		_ = m.stream().DeleteMsg(m.t.Context(), state.FirstSeq+m.rnd.Uint64N(state.LastSeq+1-state.FirstSeq+1)) // it may be gone
	case 10:
		if !m.restarts {
			require.NoError(m.t, m.stream().Purge(m.t.Context(), jetstream.WithPurgeKeep(m.rnd.Uint64N(5)+1)))
		}
	case 11:
		if m.restarts && m.rnd.IntN(3) == 0 {
			m.restart()
		}
	}
}

func (m *lossModel) store(subject string, n int) {
	if subject != "other" {
		for i := range n {
			m.published[strconv.Itoa(m.n+i)] = true
		}
	} else if !strings.Contains(m.yaml, "subjects") {
		return
	}
	m.publish("feed."+subject, n)
}

func (m *lossModel) readSome(ack bool) {
	for m.rig.in.current().intake.waiting() > 0 {
		b := m.rig.read()
		for _, s := range contents(m.t, b.messages) {
			m.read[s] = true
		}
		if ack {
			b.ack(m.t)
		} else {
			b.nack(m.t)
		}
	}
}

func (m *lossModel) toggle() {
	if m.paused = !m.paused; m.paused {
		m.rig.pause()
	} else {
		m.rig.resume()
	}
}

func (m *lossModel) restart() {
	m.rig.pause()
	m.readSome(true)
	require.NoError(m.t, m.rig.in.Close(m.t.Context()))
	m.lost += m.rig.counted()
	for range m.rnd.IntN(4) {
		m.store("a", 1+m.rnd.IntN(20))
	}
	m.paused = false
	m.begin()
}

// finish reads all that is left.
func (m *lossModel) finish() {
	m.rig.resume()
	m.store("a", 1)
	last := strconv.Itoa(m.n - 1)
	eventually(m.t, func() bool {
		m.readSome(true)
		info := m.rig.info()
		return m.read[last] && info.NumPending == 0 && info.NumAckPending == 0
	}, func() string { return fmt.Sprintf("%+v", m.rig.info()) })
	m.lost += m.rig.counted()
}

// Whatever is published, deleted, rejected, paused and restarted: what was published
// and never read is counted, and nothing else.
func TestJetLossAgainstAModelOfTheStream(t *testing.T) {
	t.Parallel()
	for _, subjects := range []string{"", "subjects: [feed.a, feed.b, feed.c]\n"} {
		for _, policy := range []string{"explicit", "all"} {
			for seed := range uint64(2) {
				t.Run(fmt.Sprint(policy, " ", subjects != "", " ", seed), func(t *testing.T) {
					t.Parallel() // it mostly waits
					m := &lossModel{
						lossy: newLossy(t, jetstream.StreamConfig{MaxMsgs: 20, MaxMsgsPerSubject: 9}), rnd: rand.New(rand.NewPCG(seed, 1)),
						yaml: "batch: {period: 1ms}\nack_policy: " + policy + "\n" + subjects, restarts: seed%2 == 0, rejects: policy == "explicit",
						published: map[string]bool{}, read: map[string]bool{},
					}
					m.begin()
					for range 100 {
						m.step()
					}
					m.finish()
					want := int64(len(m.published) - len(m.read))
					t.Logf("%d published, %d read, %d counted as lost", len(m.published), len(m.read), m.lost)
					if subjects != "" {
						assert.LessOrEqual(t, m.lost, want)
						return
					}
					assert.Equal(t, want, m.lost)
				})
			}
		}
	}
}

// A consumer that reads a part of its stream leaves out what is of others. What of its
// own the server had for it, and has no more, is surely lost.
func TestJetCountsAtLeastWhatIsSureOfAFilteredStream(t *testing.T) {
	t.Parallel()
	l := newLossy(t, jetstream.StreamConfig{MaxMsgs: 40})
	r := l.rig("subjects: [feed.a, feed.b]")
	l.publish("feed.a", 5)
	l.publish("feed.other", 20)
	l.publish("feed.a", 5)
	r.readN(10, true)
	r.pause()
	l.publish("feed.b", 20)
	eventually(t, func() bool { return r.in.current().intake.placed().pending == 20 }, func() string { return "nobody looked" })
	l.publish("feed.other", 30) // 10 of ours are left
	l.publish("feed.a", 2)
	r.resume()
	r.readUpTo(strconv.Itoa(l.n - 1))
	r.lost(10)
	assert.Contains(t, r.log.lines("JetStream no longer has records that were not read yet")[0], "at_most=12")
}

// Where nothing is sure, that something may be lost is said.
func TestJetSaysWhatMayBeLostOfAFilteredStream(t *testing.T) {
	t.Parallel()
	l := newLossy(t, jetstream.StreamConfig{MaxMsgs: 40})
	r := l.rig("subjects: [feed.a]")
	l.publish("feed.a", 5)
	l.publish("feed.other", 5)
	l.publish("feed.a", 1)
	r.readN(6, true)
	r.pause()
	l.publish("feed.other", 10)
	r.resume()
	l.publish("feed.a", 1)
	r.readN(1, true)
	r.lost(0)
	const said = "JetStream may no longer have records that were not read yet"
	require.Empty(t, r.log.lines(said), "the stream has all that was left out")
	r.pause()
	l.publish("feed.other", 70)
	l.publish("feed.a", 1)
	r.resume()
	r.readN(1, true)
	r.lost(0)
	require.Len(t, r.log.lines(said), 1)
	assert.Contains(t, r.log.lines(said)[0], "at_most=31")
}

// A filter that takes in all of the stream is none.
func TestJetKnowsAFilterThatTakesInAll(t *testing.T) {
	t.Parallel()
	l := newLossy(t, jetstream.StreamConfig{MaxMsgs: 10, Subjects: []string{"feed.a.*", "feed.b"}})
	r := l.rig("subjects: [feed.a.>, feed.b]")
	l.publish("feed.b", 5)
	r.readN(5, true)
	r.pause()
	l.publish("feed.a.x", 30)
	r.resume()
	r.readUpTo("34")
	r.lost(20)
}

func TestIsWhole(t *testing.T) {
	t.Parallel()
	stream := func(subjects ...string) jetstream.StreamConfig { return jetstream.StreamConfig{Subjects: subjects} }
	filters := func(f ...string) []string { return f }
	mirror := jetstream.StreamConfig{Mirror: &jetstream.StreamSource{Name: "X"}}
	for _, c := range []struct {
		stream  jetstream.StreamConfig
		filters []string
		want    bool
	}{
		{stream("a.>"), nil, true},
		{stream("a.>"), filters(">"), true},
		{stream("a.>"), filters("a.>"), true},
		{stream("a.>"), filters("a.*"), false},
		{stream("a.*"), filters("a.>"), true},
		{stream("a.*"), filters("*.*"), true},
		{stream("a.*"), filters("a.b"), false},
		{stream("a.b"), filters("a.*"), true},
		{stream("a"), filters("a.>"), false},
		{stream("a.b.c"), filters("a.b"), false},
		{stream("a.b"), filters("a.b.c"), false},
		{stream("a", "b"), filters("a"), false},
		{stream("a", "b"), filters("b", "a"), true},
		{stream(">"), filters("a.>", "*"), false},
		{mirror, nil, false},
		{jetstream.StreamConfig{Subjects: []string{"a"}, Sources: []*jetstream.StreamSource{{Name: "X"}}}, filters("a"), false},
	} {
		assert.Equal(t, c.want, isWhole(c.stream, c.filters), "%v %v", c.stream.Subjects, c.filters)
	}
}

// Of all that share a consumer one counts, whoever resumes first.
func TestJetReplicasCountALossOnce(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		l := newLossy(t, jetstream.StreamConfig{MaxMsgs: 100})
		limits := "pending_limits: {messages: 10}\nbatch: {count: 10}\nack_wait: 5s\n"
		rigs := []*jetRig{l.rig(yaml + limits), l.rig(yaml + limits)}
		var got []string
		both := func(upTo int) {
			for len(got) < upTo {
				for _, r := range rigs {
					for r.in.current().intake.waiting() > 0 {
						more, _ := r.readN(1, true)
						got = append(got, more...)
					}
				}
				await(t.Context(), nil, time.Millisecond)
			}
		}
		l.publish("feed.a", 100)
		both(100)
		for range 3 {
			for _, r := range rigs {
				r.pause()
			}
			l.publish("feed.a", 200)
			for _, r := range rigs {
				r.resume()
			}
			both(len(got) + 100)
		}
		assert.EqualValues(t, 300, rigs[0].counted()+rigs[1].counted(), "%s\n%s", rigs[0].log, rigs[1].log)
	})
}

// What is deleted while the server is out of reach is counted when it is back.
func TestJetCountsWhatIsDeletedWhileDisconnected(t *testing.T) {
	t.Parallel()
	l := newLossy(t, jetstream.StreamConfig{MaxMsgs: 10})
	proxy, err := stack.Proxy(strings.TrimPrefix(l.url, "nats://"))
	require.NoError(t, err)
	defer proxy.Close()
	l.url = "nats://" + proxy.Addr()
	r := l.rig("")
	l.publish("feed.a", 10)
	r.readN(10, true)
	r.settled(10)
	proxy.Down()
	r.log.awaitLine(t, "NATS connection lost")
	l.publish("feed.a", 50)
	require.NoError(t, proxy.Up())
	got := r.readUpTo("59")
	r.lost(50 - len(got))
}

// What was rejected and is deleted before it comes again is given up and counted: with
// ack_policy all nothing behind it would ever be acknowledged.
func TestJetWaitsForNothingThatIsGone(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(*lossy){
		"limits":  func(l *lossy) { l.publish("feed.a", 10) },
		"by hand": func(l *lossy) { require.NoError(l.t, l.stream().DeleteMsg(l.t.Context(), 1)); l.publish("feed.a", 5) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLossy(t, jetstream.StreamConfig{MaxMsgs: 10})
			r := l.rig("ack_policy: all\nack_wait: 1h\nbatch: {count: 1, period: 1h}")
			l.publish("feed.a", 5)
			removed := false
			for last := ""; last != fmt.Sprint(l.n-1) || !removed; {
				b := r.read()
				switch last = contents(t, b.messages)[0]; last {
				case "0": // however often it comes
					b.nack(t)
				default:
					b.ack(t)
				}
				if last == "4" {
					remove(l)
					removed = true
				}
			}
			r.settled(uint64(l.n))
			r.lost(1)
		})
	}
}

func TestJetLossIsAnIncident(t *testing.T) {
	t.Parallel()
	l := newLossy(t, jetstream.StreamConfig{MaxMsgs: 10})
	r := l.rig("")
	l.publish("feed.a", 1)
	r.readN(1, true)
	r.pause()
	l.publish("feed.a", 30)
	r.resume()
	r.readUpTo("30")
	r.lost(20)
	assert.Condition(t, func() bool {
		return slices.ContainsFunc(status.Of(r.in.res, "").Incidents(), func(i status.Incident) bool { return i.Class == status.ClassLost && i.Count == 20 })
	})
}
