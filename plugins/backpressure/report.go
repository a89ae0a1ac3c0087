package backpressure

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// Paused implements gate.Watcher.
func (b *buffer) Paused() {
	b.metrics.active.Set(1)
	l := b.now().limits
	b.heavy.Store(b.level64() <= int64(l.Pause) && b.control.Bytes() > l.Bytes.Pause)
	b.beginPause(b.reason(), "")
	b.withLevel().Warnf("⚠️  BACKPRESSURE ACTIVE: Buffer high (%s), pausing data ingestion%s", b.fill(), b.breakdown())
}

// Resumed implements gate.Watcher.
func (b *buffer) Resumed(held time.Duration) {
	b.metrics.active.Set(0)
	b.endPauses(ofBuffer)
	log := b.withLevel().With("duration", held.Round(time.Millisecond).String())
	if now := b.now(); !now.enabled || !now.limits.Below(gate.Level{Records: int(b.level64()), Bytes: b.control.Bytes()}) {
		log = log.With("cause", "an operator changed the settings")
	}
	b.story.release(func() {
		log.Infof("✅ BACKPRESSURE RELEASED: Buffer normal (%s), resuming data ingestion%s", b.fill(), b.breakdown())
	})
}

// fill words the level beside its bound: in messages, or in bytes where it was
// the bytes that paused.
func (b *buffer) fill() string {
	if b.heavy.Load() {
		return fmt.Sprintf("%s/%s in %s messages",
			formatSize(b.control.Bytes()), formatSize(b.now().limits.Bytes.Max), thousands(b.level64()))
	}
	return thousands(b.level64()) + "/" + thousands(int64(b.now().limits.Max))
}

// alertLevel words the level for the alert.
func (b *buffer) alertLevel() string {
	if b.heavy.Load() {
		return fmt.Sprintf("%s messages, %s", thousands(b.level64()), formatSize(b.control.Bytes()))
	}
	return thousands(b.level64())
}

// reason is why the buffer pauses, or paused last.
func (b *buffer) reason() string {
	if b.heavy.Load() {
		return status.ReasonBytes
	}
	return status.ReasonLevel
}

// withLevel is the log with what there is to know of the level, under the names
// that the heartbeat and /health have for it.
func (b *buffer) withLevel() *service.Logger {
	return b.log.With("reason", b.reason(), "current_buffer", b.level64(), "current_bytes", b.control.Bytes())
}

// cause words what the output complains of; "" when it does not.
func (b *buffer) cause() string {
	for _, out := range b.board.Figures().Outputs {
		for _, t := range out.Tables() {
			if q := t.Queue(); q.Err != "" {
				return q.Err
			}
		}
	}
	return ""
}

// ofBuffer tells the buffer's own pauses from an operator's.
func ofBuffer(p status.Pause) bool { return p.Reason != status.ReasonOperator }

// Held implements gate.Watcher.
func (b *buffer) Held(label string) {
	b.beginPause(status.ReasonOperator, label)
}

// Released implements gate.Watcher.
func (b *buffer) Released(label string) {
	b.endPauses(func(p status.Pause) bool {
		return p.Reason == status.ReasonOperator && (label == "" || p.Input == label)
	})
}

// Ending implements gate.Watcher. What is held leaves as it is: no more will come
// of the inputs that hold back their end until it is settled.
func (b *buffer) Ending(is bool) {
	b.ending.Store(is)
	signal(b.ready)
}

// Yielding implements gate.Watcher.
func (b *buffer) Yielding() { signal(b.ready) }

// Draining implements gate.Watcher.
func (b *buffer) Draining(paused bool) {
	b.story.release(func() { b.log.Info("🛑 Stopping Data Bridge...") })
	b.endPauses(ofBuffer)
	if paused {
		b.metrics.active.Set(0)
		b.log.Info("▶️  Resuming paused subscribers before shutdown...")
	}
}

// Flush implements gate.Watcher. From here on batches leave as they are.
func (b *buffer) Flush() {
	b.log.Info("📊 Stopping heartbeat logger...")
	b.pulse.halt()
	b.log.Info("💾 Flushing buffered data...")
	b.draining.Store(true)
	signal(b.ready)
}

func (b *buffer) logStart() {
	b.log.Info("✅ DATA BRIDGE STARTED - HYBRID PHASE 1 + RETRY QUEUE + BACKPRESSURE")
	b.logSettings(b.conf)
}

// logSettings says what pauses the inputs: at the start, and when it has been changed.
func (b *buffer) logSettings(c config) {
	l := c.limits
	if !c.enabled {
		b.log.Info("⚡ Backpressure: DISABLED")
		return
	}
	b.log.With("yield_threshold", l.Yield).Info("⚡ Backpressure: ENABLED")
	b.withBytes(l.Bytes.Pause).Infof("   └─ Pause threshold: %s messages (%s)", thousands(int64(l.Pause)), percent(l.Pause, l.Max))
	b.withBytes(l.Bytes.Resume).Infof("   └─ Resume threshold: %s messages (%s)", thousands(int64(l.Resume)), percent(l.Resume, l.Max))
}

// withBytes names a threshold in bytes in a field: the words are spoken for.
func (b *buffer) withBytes(threshold int64) *service.Logger {
	if threshold == 0 {
		return b.log
	}
	return b.log.With("bytes", formatSize(threshold))
}

// logStopped says what becomes of so many records that were not settled, of which core
// NATS delivers so many to nobody any more.
func (b *buffer) logStopped(left, lost int) {
	fate := "they were not acknowledged, and sources that can replay deliver them again"
	switch {
	case left == 0:
		b.log.Info("✅ Data Bridge stopped gracefully")
		return
	case lost == left:
		fate = "they are lost, since core NATS cannot deliver them again"
	case lost > 0:
		fate = thousands(int64(lost)) + " of them are lost, since core NATS cannot deliver them again; the others " + strings.TrimPrefix(fate, "they ")
	}
	b.log.With("unsettled", left, "lost", lost).Errorf("Data Bridge stopped with %s messages unsettled: %s", thousands(int64(left)), fate)
}

// logSummary logs what happened since the last midnight, or since the start.
func (b *buffer) logSummary(s status.Summary) {
	b.log.With(
		"since", (*status.Time)(&s.Since).String(), "pauses", s.Pauses,
		"paused_seconds", status.Age(s.Paused).String(), "longest_seconds", status.Age(s.Longest).String(),
		"dropped", s.Dropped, "dead_letters", s.DeadLetters,
	).Info("📅 Daily summary")
}

// What goes on is logged so often at most, with a count of what was left out.
const (
	rejectionsEvery = 5 * time.Second
	serverEvery     = time.Minute
)

func (b *buffer) logRejected(f *flight, wait time.Duration, cause error) {
	repeats, tell := b.rejections.Tell(rejectionsEvery)
	if !tell {
		return
	}
	b.log.With("messages", len(f.msgs), "attempt", f.retry.attempts, "retry_in", wait.String(), "repeats", repeats).
		Warnf("The output rejected a batch, it stays in the buffer and is tried again: %v", cause)
}

// level64 is the level that the gate saw last: callbacks of the gate must not
// take the buffer's lock.
func (b *buffer) level64() int64 { return b.control.Level() }

// figures reports to the board. It takes the gate's lock, not the buffer's.
func (b *buffer) figures() status.Buffer {
	s, now := b.gate.State(), b.now()
	l := now.limits
	var alerts *status.Alerts
	if b.alerts != nil {
		alerts = b.alerts.figures()
	}
	return status.Buffer{
		Level:           b.level64(),
		MaxSize:         int64(l.Max),
		Bytes:           b.control.Bytes(),
		MaxBytes:        l.Bytes.Max,
		PauseBytes:      l.Bytes.Pause,
		ResumeBytes:     l.Bytes.Resume,
		YieldBytes:      l.Bytes.Yield,
		PausingOff:      !now.enabled,
		PauseThreshold:  int64(l.Pause),
		ResumeThreshold: int64(l.Resume),
		YieldThreshold:  int64(l.Yield),
		Active:          slices.Contains(s.Reasons, gate.ReasonLevel),
		PauseCount:      s.PauseCount,
		LastPause:       s.LastPause,
		LastResume:      s.LastResume,
		OldestSince:     moment(&b.oldestAt),
		FullSince:       moment(&b.fullAt),
		AlertAfter:      now.alertAfter,
		LinkGrace:       b.conf.linkGrace,
		Groups:          b.conf.groups,
		Feeds:           b.conf.feeds,
		Held:            s.Held,
		Overrides:       b.overrides(*now),
		Alerts:          alerts,
	}
}

// moment is a time that is kept in Unix nanoseconds, the zero time for 0.
func moment(since *atomic.Int64) time.Time {
	if at := since.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// review tells the gate whether the output keeps up.
func (b *buffer) review(now time.Time) {
	b.mu.Lock()
	busy := b.flying > 0 || len(b.retries) > 0
	var oldest time.Time
	for _, f := range b.retries {
		oldest = earlier(oldest, f.since)
	}
	b.mu.Unlock()
	for _, out := range b.board.Figures().Outputs {
		for _, t := range out.Tables() {
			if q := t.Queue(); q.Batches > 0 {
				oldest = earlier(oldest, q.Since)
			}
		}
	}
	b.control.Review(now, busy, oldest)
}

// earlier returns the earlier of two times; the zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// breakdown words the level by group, or by input where no groups are
// configured, in brackets; inputs in no group are summed up as other.
func (b *buffer) breakdown() string {
	shares := b.shares()
	if len(shares) == 0 {
		return ""
	}
	words := make([]string, len(shares))
	for i, s := range shares {
		words[i] = s.name + ": " + thousands(s.level)
	}
	return " (" + strings.Join(words, ", ") + ")"
}

type share struct {
	name  string
	level int64
}

func (b *buffer) shares() []share {
	f := b.board.Inputs()
	groups := b.conf.groups
	if len(groups) == 0 {
		for _, in := range f {
			groups = append(groups, status.Group{Name: in.Label, Labels: []string{in.Label}})
		}
	}
	var shares []share
	rest := b.level64()
	for _, g := range groups {
		n := g.Level(f)
		rest -= n
		shares = append(shares, share{g.Name, n})
	}
	if rest > 0 {
		shares = append(shares, share{"other", rest})
	}
	return shares
}

// thousands formats 41234 as 41,234.
func thousands(n int64) string { return status.Thousands(n) }

// percent formats n as a share of limit, without a fraction where there is none.
func percent(n, limit int) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", 100*float64(n)/float64(limit)), ".0") + "%"
}
