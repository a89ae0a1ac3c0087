package backpressure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"pgregory.net/rapid"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
)

// model is the reference: what a correct buffer may hold and has to answer.
type model struct {
	t      *rapid.T
	r      *rig
	next   int   // number of the next message
	weight []int // of each message, in bytes
	held   []int // of each message, in records
	writes []*modelWrite
	flying []*modelFlight
	stored map[string]bool // numbers that the output has taken
}

type modelWrite struct {
	verdict
	first, n int
	input    string
	sealed   bool
	done     bool
	err      error
}

type modelFlight struct {
	numbers []string
	ack     service.AckFunc
}

// The buffer against the model: random sequences of writes, reads,
// acknowledgements and rejections in any order, and waits.
func TestBufferAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		// What stops an attempt must leave the bubble before rapid can take it
		// up and look for a smaller case.
		var stopped any
		synctest.Test(t, func(*testing.T) {
			defer func() { stopped = recover() }()
			runModel(t, rt)
		})
		if why, ok := stopped.(modelFailure); ok {
			rt.Fatal(string(why))
		} else if stopped != nil {
			panic(stopped)
		}
	})
}

// modelFailure is what the model found wrong.
type modelFailure string

func (m *model) failf(format string, args ...any) { panic(modelFailure(fmt.Sprintf(format, args...))) }

func runModel(t *testing.T, rt *rapid.T) {
	limit := rapid.IntRange(3, 40).Draw(rt, "max")
	pause := rapid.IntRange(2, limit).Draw(rt, "pause")
	resume := rapid.IntRange(1, pause-1).Draw(rt, "resume")
	count := rapid.IntRange(1, resume).Draw(rt, "count")
	bytes := rapid.SampledFrom([]int{0, 40, 100, 400}).Draw(rt, "max_bytes")
	r := newRig(t, fmt.Sprintf("max_buffer_size: %d\nmax_bytes: %dB\npause_threshold: %d\nresume_threshold: %d\nbatch: {count: %d, period: 1s}",
		limit, bytes, pause, resume, count))
	m := &model{t: rt, r: r, stored: map[string]bool{}}

	ctx, cancel := context.WithCancel(context.Background())
	defer func() {
		cancel()
		_ = r.Close(context.Background()) // again, unless the model has failed
	}()
	for range rapid.IntRange(1, 60).Draw(rt, "steps") {
		switch rapid.IntRange(0, 4).Draw(rt, "action") {
		case 0:
			m.write(ctx)
		case 1:
			m.read(ctx)
		case 2:
			m.answer(ctx, nil)
		case 3:
			m.answer(ctx, errOutput)
		case 4:
			time.Sleep(time.Duration(rapid.IntRange(1, 2000).Draw(rt, "wait")) * time.Millisecond)
		}
		synctest.Wait()
		m.check(limit)
	}
	if rapid.Bool().Draw(rt, "graceful") {
		m.finish(ctx)
	}
	cancel()
	synctest.Wait()
	if err := r.Close(context.Background()); err != nil {
		m.failf("closing: %v", err)
	}
	synctest.Wait()
	m.checkEnd()
}

// write starts a WriteBatch unless one is blocked: the host has one writer.
func (m *model) write(ctx context.Context) {
	if n := len(m.writes); n > 0 && !m.writes[n-1].done {
		return
	}
	w := &modelWrite{first: m.next, n: rapid.IntRange(1, 30).Draw(m.t, "size"), sealed: rapid.Bool().Draw(m.t, "sealed")}
	w.input = rapid.SampledFrom([]string{"ticks", "ticks", "candles", "rates"}).Draw(m.t, "input")
	m.next += w.n
	batch := m.batch(w)
	m.writes = append(m.writes, w)
	go func() {
		w.err = m.r.WriteBatch(ctx, batch, w.ack)
		w.done = true
	}()
}

// batch makes messages of any weight: numbers, with spaces behind them.
func (m *model) batch(w *modelWrite) service.MessageBatch {
	batch := m.r.batch(w.input, w.first, w.n)
	if w.sealed {
		seal(batch)
	}
	for i, msg := range batch {
		body, _ := msg.AsBytes()
		body = append(body, strings.Repeat(" ", rapid.SampledFrom([]int{0, 0, 1, 5, 30, 60}).Draw(m.t, "padding"))...)
		records := rapid.SampledFrom([]int{1, 1, 1, 2, 7}).Draw(m.t, "records")
		f := frame.NewBuilder(records, records*len(body))
		for range records {
			f.Add(body)
		}
		batch[i] = f.Message(msg.Context(), msg)
		body, _ = batch[i].AsBytes()
		m.weight = append(m.weight, len(body))
		m.held = append(m.held, records)
	}
	return batch
}

// records is how many records the messages first..first+n-1 hold.
func (m *model) records(first, n int) (sum int) {
	for _, r := range m.held[first : first+n] {
		sum += r
	}
	return sum
}

func (m *model) read(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	msgs, ack, err := m.r.ReadBatch(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return
	}
	if err != nil || len(msgs) == 0 {
		m.failf("read %d messages with error %v", len(msgs), err)
	}
	var body []string
	bytes, records := 0, 0
	for _, msg := range msgs {
		b, _ := msg.AsBytes()
		bytes += len(b)
		body = append(body, strings.Fields(string(b))[0])
		n, _ := strconv.Atoi(body[len(body)-1])
		records += m.held[n]
	}
	for _, number := range body {
		if got, want := m.writeOf(number).input, m.writeOf(body[0]).input; got != want {
			m.failf("a batch holds messages of %s and %s", got, want)
		}
	}
	if w := m.writeOf(body[0]); w.sealed {
		m.checkSealed(w, body)
	} else if (records > m.r.conf.count || int64(bytes) > m.r.conf.byteSize) && len(msgs) > 1 {
		m.failf("read %d messages of %d records and %d bytes", len(msgs), records, bytes)
	}
	m.flying = append(m.flying, &modelFlight{body, ack})
}

func (m *model) writeOf(number string) *modelWrite {
	n, _ := strconv.Atoi(number)
	i := slices.IndexFunc(m.writes, func(w *modelWrite) bool { return n < w.first+w.n })
	return m.writes[i]
}

// checkSealed: it leaves as it came.
func (m *model) checkSealed(w *modelWrite, got []string) {
	for i := range max(w.n, len(got)) {
		if i >= len(got) || i >= w.n || got[i] != strconv.Itoa(w.first+i) {
			m.failf("sealed batch %d+%d was read as %v", w.first, w.n, got)
		}
	}
}

// alone is the level when a single message is all that is held, or a sealed
// batch: what may exceed the bound.
func (m *model) alone(level int) bool {
	for i, records := range m.held {
		if records == level && !m.stored[strconv.Itoa(i)] {
			return true
		}
	}
	return slices.ContainsFunc(m.writes, func(w *modelWrite) bool {
		return w.sealed && m.records(w.first, w.n) == level && !m.stored[strconv.Itoa(w.first)]
	})
}

// answer settles or rejects any batch that is at the output.
func (m *model) answer(ctx context.Context, err error) {
	if len(m.flying) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.flying)-1).Draw(m.t, "which")
	f := m.flying[i]
	m.flying = slices.Delete(m.flying, i, i+1)
	if err == nil {
		for _, n := range f.numbers {
			if m.stored[n] {
				m.failf("message %s was sent again after it had been stored", n)
			}
			m.stored[n] = true
		}
	}
	if ackErr := f.ack(ctx, err); ackErr != nil {
		m.failf("acknowledging: %v", ackErr)
	}
}

func (m *model) check(limit int) {
	level := int(m.r.control.Level())
	if level < 0 || (level > limit && !m.alone(level)) {
		m.failf("level %d of at most %d", level, limit)
	}
	open := 0
	for i, records := range m.held {
		if !m.stored[strconv.Itoa(i)] {
			open += records
		}
	}
	if !m.blocked() && level != open {
		m.failf("level is %d, but %d records are not stored", level, open)
	}
	m.checkBytes(int64(level))
	for _, w := range m.writes {
		m.checkVerdict(w)
	}
}

func (m *model) checkBytes(level int64) {
	bytes, bound := m.r.control.Bytes(), m.r.conf.limits.Bytes.Max
	if bound > 0 && bytes > bound && !m.alone(int(level)) {
		m.failf("%d messages of %d bytes are held, of at most %d", level, bytes, bound)
	}
	var held int64
	for i, w := range m.weight {
		if !m.stored[strconv.Itoa(i)] {
			held += int64(w)
		}
	}
	if !m.blocked() && held != bytes {
		m.failf("%d bytes are held, the level says %d", held, bytes)
	}
}

func (m *model) blocked() bool {
	return len(m.writes) > 0 && !m.writes[len(m.writes)-1].done
}

// checkVerdict: acknowledged once all is stored, and not before.
func (m *model) checkVerdict(w *modelWrite) {
	all := true
	for i := range w.n {
		all = all && m.stored[strconv.Itoa(w.first+i)]
	}
	if state := w.state(); (state == "acked") != all || (state != "acked" && state != "open") {
		m.failf("batch %d+%d is %s; all stored: %t", w.first, w.n, state, all)
	}
}

// finish settles everything, as a graceful stop does.
func (m *model) finish(ctx context.Context) {
	for synctest.Wait(); m.blocked() || m.r.control.Level() > 0; synctest.Wait() {
		for len(m.flying) > 0 {
			m.answer(ctx, nil)
		}
		synctest.Wait()
		if m.blocked() || m.r.control.Level() > 0 {
			m.readAny(ctx)
		}
	}
	if len(m.stored) != m.next {
		m.failf("%d written, %d stored", m.next, len(m.stored))
	}
	m.check(m.r.conf.limits.Max)
}

// readAny reads however long the back-off is.
func (m *model) readAny(ctx context.Context) {
	before := len(m.flying)
	for range 60 {
		if m.read(ctx); len(m.flying) > before {
			return
		}
	}
	m.failf("the buffer holds messages and gives none")
}

// checkEnd: after Close every source has been answered, once.
func (m *model) checkEnd() {
	for _, w := range m.writes {
		switch state := w.state(); {
		case !w.done:
			m.failf("WriteBatch %d+%d is still blocked", w.first, w.n)
		case w.err != nil && state != "open":
			m.failf("batch %d+%d was refused and then %s", w.first, w.n, state)
		case w.err == nil && state != "acked" && state != "nacked":
			m.failf("batch %d+%d is %s after Close", w.first, w.n, state)
		}
	}
	edges := 0
	for _, line := range m.r.logs.take() {
		switch {
		case strings.Contains(line, "BACKPRESSURE ACTIVE"):
			edges++
		case strings.Contains(line, "BACKPRESSURE RELEASED"):
			edges--
		}
		if edges != 0 && edges != 1 {
			m.failf("pause and resume do not alternate")
		}
	}
}
