package backpressure

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// heartbeat is the goroutine that reports at every interval, publishes the metrics
// in between, and keeps the status listener up for as long as the buffer lives.
type heartbeat struct {
	ctx      context.Context // ends all of it
	cancel   context.CancelFunc
	done     chan struct{} // closed when it has ended
	halted   atomic.Bool   // no further record is logged
	unserved status.Repeats
	unlist   func() // takes the board off the status listener; nil when off
}

func newHeartbeat() *heartbeat {
	h := &heartbeat{done: make(chan struct{})}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

func (h *heartbeat) start(b *buffer) {
	h.serve(b)
	go func() {
		defer close(h.done)
		h.run(b)
	}()
}

func (h *heartbeat) run(b *buffer) {
	beat := time.NewTicker(b.conf.heartbeat)
	defer beat.Stop()
	second := time.NewTicker(publishEvery)
	defer second.Stop()
	today := day(time.Now())
	for {
		select {
		case <-beat.C:
			h.serve(b)
			if !h.halted.Load() {
				b.beat()
			}
		case <-second.C:
			b.review(time.Now())
			b.publish()
			if b.watch != nil {
				b.watch.look(time.Now())
			}
			if now := day(time.Now()); now != today {
				today = now
				b.logSummary(b.board.TakeSummary())
			}
		case <-h.ctx.Done():
			return
		}
	}
}

// day is the day of a moment in UTC.
func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// halt stops the records without waiting: it is safe in a callback of the gate.
func (h *heartbeat) halt() { h.halted.Store(true) }

// stop ends a started heartbeat and its place on the status listener, and waits
// for both.
func (h *heartbeat) stop() {
	h.cancel()
	<-h.done
	if h.unlist != nil {
		h.unlist()
	}
}

// serve puts the board on the status listener if it is not there yet.
func (h *heartbeat) serve(b *buffer) {
	if b.conf.listener.Address == "" || h.unlist != nil {
		return
	}
	addr, unlist, err := b.servers.Listen(b.conf.listener, b.board)
	if err != nil {
		if repeats, tell := h.unserved.Tell(serverEvery); tell {
			b.log.With("repeats", repeats).Errorf("The status server is not up, trying again at the next heartbeat: status_server.address: %v", err)
		}
		return
	}
	h.unlist = unlist
	site := b.conf.scheme() + "://" + addr.String()
	b.log.With("page", site+"/").Infof("Serving GET /health on %s/health", site)
	if b.conf.admin.Enabled {
		b.log.With("allow_remote", b.conf.admin.AllowRemote).Infof("Inputs can be paused and resumed by POST on %s/inputs, settings changed on %s/backpressure", site, site)
	}
}

// beat logs one heartbeat record, and alerts when a pause lasts too long, or a
// buffer without room.
func (b *buffer) beat() {
	releases := b.story.releases()
	f := b.figures()
	b.metrics.heartbeat.Set(time.Now().Unix())
	b.log.With(b.heartbeatFields()...).Info("💓 Heartbeat")
	if held, tooLong := f.PausedTooLong(time.Now()); tooLong {
		b.story.goOn(releases, func() {
			b.withLevel().With("severity", "critical", "duration", held.Round(time.Millisecond).String(), "cause", b.cause()).Errorf(
				"🔴 CRITICAL: Backpressure active for %.1f minutes! ClickHouse write bottleneck detected. Current buffer: %s",
				held.Minutes(), b.alertLevel())
		})
	}
}

// heartbeatFields are the figures of /health, flat.
func (b *buffer) heartbeatFields() []any {
	h := b.board.Health()
	m := h.Metrics
	p := m.Backpressure
	var oldest status.Age // 0 when nothing is held
	if p.Oldest != nil {
		oldest = *p.Oldest
	}
	fields := []any{
		"ticks", m.Ticks, "ch_candles", m.Candles, "external", m.External, "nats_msgs", m.NATSMessages,
		"ch_buffer", m.CHBuffer, "retry_queue_size", m.RetryQueue,
		"active", p.Active, "nats_paused", p.NATSPaused, "kafka_paused", p.KafkaPaused,
		"yielding", b.yieldingLabels(), "yield_threshold", p.YieldThreshold,
		"current_buffer", p.CurrentBuffer, "pause_threshold", p.PauseThreshold, "resume_threshold", p.ResumeThreshold,
		"current_bytes", p.CurrentBytes, "max_bytes", p.MaxBytes, "oldest_seconds", oldest.String(), "operator_paused", b.heldLabels(),
		"pause_count", p.PauseCount, "last_pause", p.LastPause.String(), "last_resume", p.LastResume.String(),
	}
	if names := b.overridden(); names != "" {
		fields = append(fields, "overridden", names)
	}
	return append(fields, losses(h)...)
}

// losses are what is not stored, or not yet, behind the figures that every record has:
// counts that are not zero, and the lag where any input knows it.
func losses(h status.Health) (fields []any) {
	var dead, dropped, conflated, slow, lost, lag int64
	known := false
	for _, out := range h.Outputs {
		dead += out.DeadLetters
	}
	for _, in := range h.Inputs {
		dropped, conflated = dropped+in.Dropped, conflated+in.Conflated
		slow, lost = slow+in.SlowConsumer, lost+in.RecordsLost
		if in.Lag != nil {
			lag, known = lag+*in.Lag, true
		}
	}
	for _, c := range []struct {
		name string
		n    int64
	}{{"dead_letters", dead}, {"dropped", dropped}, {"conflated", conflated}, {"slow_consumer", slow}, {"records_lost", lost}, {"lost_at_stop", h.LostAtStop}} {
		if c.n != 0 {
			fields = append(fields, c.name, c.n)
		}
	}
	if known {
		fields = append(fields, "lag", lag)
	}
	return fields
}
