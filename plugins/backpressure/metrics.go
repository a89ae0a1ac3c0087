package backpressure

import (
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// publishEvery is how often the metrics are published, beside the edges of
// pauses: never for a message, since a call costs more than a message does.
const publishEvery = time.Second

// metrics are what the buffer publishes through the host.
type metrics struct {
	level, levelBytes, limit, limitBytes         *service.MetricGauge
	pauseAt, pauseAtBytes, resumeAt, resumeBytes *service.MetricGauge // the thresholds
	yieldAt, yieldAtBytes                        *service.MetricGauge
	enabled, alertAfter, overrides               *service.MetricGauge
	active, oldest, heartbeat                    *service.MetricGauge
	held                                         *service.MetricGauge   // by an operator, of each input
	pauses, paused                               *service.MetricCounter // by reason
	pauseLength                                  *service.MetricTimer   // by reason
	rejected                                     *service.MetricCounter
	alertsSent, alertsLost                       *service.MetricCounter
	alertsWaiting                                *service.MetricGauge
}

func newMetrics(m *service.Metrics) metrics {
	return metrics{
		level:        m.NewGauge("backpressure_level"),
		levelBytes:   m.NewGauge("backpressure_level_bytes"),
		limit:        m.NewGauge("backpressure_limit"),
		limitBytes:   m.NewGauge("backpressure_limit_bytes"),
		pauseAt:      m.NewGauge("backpressure_pause_threshold"),
		pauseAtBytes: m.NewGauge("backpressure_pause_threshold_bytes"),
		resumeAt:     m.NewGauge("backpressure_resume_threshold"),
		resumeBytes:  m.NewGauge("backpressure_resume_threshold_bytes"),
		yieldAt:      m.NewGauge("backpressure_yield_threshold"),
		yieldAtBytes: m.NewGauge("backpressure_yield_threshold_bytes"),
		enabled:      m.NewGauge("backpressure_enabled"),
		alertAfter:   m.NewGauge("backpressure_alert_after_seconds"),
		overrides:    m.NewGauge("backpressure_overrides"),
		active:       m.NewGauge("backpressure_active"),
		oldest:       m.NewGauge("backpressure_oldest_seconds"),
		heartbeat:    m.NewGauge("backpressure_heartbeat_timestamp_seconds"),
		held:         m.NewGauge("backpressure_operator_paused", "input"),
		pauses:       m.NewCounter("backpressure_pauses", "reason"),
		paused:       m.NewCounter("backpressure_paused_seconds", "reason"),
		pauseLength:  m.NewTimer("backpressure_pause_ns", "reason"),
		rejected:     m.NewCounter("backpressure_rejected_batches"),

		alertsSent:    m.NewCounter("backpressure_alerts_sent"),
		alertsLost:    m.NewCounter("backpressure_alerts_lost"),
		alertsWaiting: m.NewGauge("backpressure_alerts_waiting"),
	}
}

// publish brings all metrics of the stream up to date.
func (b *buffer) publish() {
	b.board.SettlePauses()
	b.publishSettings()
	b.metrics.level.Set(b.level64())
	b.metrics.levelBytes.Set(b.control.Bytes())
	b.metrics.oldest.SetFloat64(b.oldestAge().Seconds())
	b.metrics.active.Set(status.Flag(b.figures().Active))
	b.metrics.rejected.Incr(0)
	b.metrics.alertsSent.Incr(0)
	b.metrics.alertsLost.Incr(0)
	b.publishPauses()
	b.publishHolds()
	b.board.Publish()
}

// publishSettings publishes those that can be changed, and the bounds.
func (b *buffer) publishSettings() {
	now := b.now()
	l := now.limits
	b.metrics.enabled.Set(status.Flag(now.enabled))
	b.metrics.alertAfter.SetFloat64(now.alertAfter.Seconds())
	b.metrics.overrides.Set(int64(len(b.overrides(*now))))
	b.metrics.limit.Set(int64(l.Max))
	b.metrics.limitBytes.Set(l.Bytes.Max)
	b.metrics.pauseAt.Set(int64(l.Pause))
	b.metrics.pauseAtBytes.Set(l.Bytes.Pause)
	b.metrics.yieldAt.Set(int64(l.Yield))
	b.metrics.yieldAtBytes.Set(l.Bytes.Yield)
	b.metrics.resumeAt.Set(int64(l.Resume))
	b.metrics.resumeBytes.Set(l.Bytes.Resume)
}

// oldestAge is how long the oldest message has been held.
func (b *buffer) oldestAge() time.Duration {
	if since := moment(&b.oldestAt); !since.IsZero() {
		return max(0, time.Since(since))
	}
	return 0
}

// publishPauses counts pauses and their time, of those that last too.
func (b *buffer) publishPauses() {
	for reason, t := range b.board.TakePauseTotals() {
		b.metrics.pauses.Incr(t.Count, reason)
		b.metrics.paused.IncrFloat64(t.Time.Seconds(), reason)
	}
}

// beginPause notes that all inputs pause, or the one of that label.
func (b *buffer) beginPause(reason, input string) {
	b.board.BeginPause(reason, input, b.level64(), b.control.Bytes())
	b.publishPauses()
}

// endPauses notes the end of pauses.
func (b *buffer) endPauses(match func(status.Pause) bool) {
	for _, p := range b.board.EndPauses(match) {
		b.metrics.pauseLength.Timing(p.Length(p.End).Nanoseconds(), p.Reason)
	}
	b.publishPauses()
}
