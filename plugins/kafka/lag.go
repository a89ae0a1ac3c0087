package kafka

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// lagTimeout bounds one look-up of the lag.
const lagTimeout = 10 * time.Second

// lagMeter looks up now and then how far the brokers are ahead of what is
// settled, for the partitions that are owned, and publishes it.
type lagMeter struct {
	conf       *config
	client     *kgo.Client
	admin      *kadm.Client
	assignment *assignment
	losses     *lossBook
	ids        *topicIDs
	renew      func([]string)
	stats      *status.Input
	gauge      *service.MetricGauge // labels: topic, partition
	log        *service.Logger

	shown map[topicPartition]bool // partitions whose gauge may not be 0
	done  chan struct{}
}

func newLagMeter(s *session) *lagMeter {
	return &lagMeter{
		conf: s.conf, client: s.client, admin: kadm.NewClient(s.client), assignment: s.assignment, losses: s.losses,
		ids: s.ids, renew: s.renew,
		stats: s.stats, gauge: s.metrics.lag, log: s.log,
		shown: map[topicPartition]bool{}, done: make(chan struct{}),
	}
}

// run looks up the lag every period, and at once when partitions came or went.
// Whoever started it cancels ctx and then waits for done.
func (m *lagMeter) run(ctx context.Context) {
	defer close(m.done)
	tick := time.NewTicker(m.conf.lagPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			m.show(nil)
			return
		case <-tick.C:
		case <-m.assignment.changed:
		}
		lags, err := m.measure(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil: // the link tells of brokers that are not reached
			m.stats.ForgetLag()
			m.log.With("cause", err).Debug("looking up the lag")
		default:
			m.show(lags)
		}
	}
}

// measure returns the lag of each partition whose position is known, and tells what
// its brokers have lost. What is gone is no lag.
func (m *lagMeter) measure(ctx context.Context) (map[topicPartition]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, lagTimeout)
	defer cancel()
	held := m.assignment.positions()
	lags := make(map[topicPartition]int64, len(held))
	if len(held) == 0 {
		return lags, m.observe(ctx)
	}
	topics := held.topics()
	starts, err := m.admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("looking up the starts of partitions: %w", err)
	}
	ends, err := m.conf.ends(ctx, m.admin, topics...)
	if err != nil {
		return nil, fmt.Errorf("looking up the ends of partitions: %w", err)
	}
	if err := m.findStarts(ctx, held, starts, ends, topics); err != nil {
		return nil, fmt.Errorf("looking up where partitions start: %w", err)
	}
	if err := m.observe(ctx, topics...); err != nil { // behind the ends: they are not of a later topic
		return nil, err
	}
	m.losses.enter(m.assignment.examine(starts, ends, m.client.BufferedFetchRecords() == 0))
	for p, at := range held {
		if start, ok := starts.Lookup(p.topic, p.partition); ok && start.Err == nil && at >= 0 {
			at = max(at, start.Offset)
		}
		if end, ok := ends.Lookup(p.topic, p.partition); ok && end.Err == nil && at >= 0 {
			lags[p.topicPartition] = max(end.Offset-at, 0)
		}
	}
	return lags, nil
}

// observe looks whether topics were made anew: those that are held or were once, and
// those that the config names.
func (m *lagMeter) observe(ctx context.Context, held ...string) error {
	topics := append(m.ids.names(), held...)
	if len(topics) == 0 {
		return nil
	}
	details, err := m.admin.ListTopics(ctx, topics...)
	if err != nil {
		return fmt.Errorf("looking up topics: %w", err)
	}
	if anew := m.ids.observe(details); len(anew) > 0 {
		m.renew(anew)
		return errAnew
	}
	return nil
}

// ends are the offsets behind the last records that can be read.
func (c *config) ends(ctx context.Context, admin *kadm.Client, topics ...string) (kadm.ListedOffsets, error) {
	if c.isolation == readCommitted {
		return admin.ListCommittedOffsets(ctx, topics...)
	}
	return admin.ListEndOffsets(ctx, topics...)
}

// findStarts fills in the positions of partitions that started where the config
// says, not at a commit. It keeps them, until something of them is settled.
func (m *lagMeter) findStarts(ctx context.Context, held positions, first, ends kadm.ListedOffsets, topics []string) error {
	if !held.anyAt(positionStart) {
		return nil
	}
	starts, err := m.starts(ctx, first, ends, topics)
	if err != nil {
		return err
	}
	for p, at := range held {
		if at != positionStart {
			continue
		}
		if start, ok := starts.Lookup(p.topic, p.partition); ok && start.Err == nil {
			held[p] = m.assignment.suppose(p, start.Offset)
		}
	}
	return nil
}

func (m *lagMeter) starts(ctx context.Context, first, ends kadm.ListedOffsets, topics []string) (kadm.ListedOffsets, error) {
	switch {
	case !m.conf.startTime.IsZero():
		return m.admin.ListOffsetsAfterMilli(ctx, m.conf.startTime.UnixMilli(), topics...)
	case m.conf.startOffset == startLatest:
		return ends, nil
	default:
		return first, nil
	}
}

// show publishes the lags. What is no longer owned has none: whoever owns it
// shows it, and sums over replicas stay true. The sum is known only where that of
// every partition is, and of none there is none.
func (m *lagMeter) show(lags map[topicPartition]int64) {
	for tp := range m.shown {
		if _, ok := lags[tp]; !ok {
			m.set(tp, 0)
			delete(m.shown, tp)
		}
	}
	sum := int64(0)
	for tp, lag := range lags {
		m.set(tp, lag)
		m.shown[tp] = true
		sum += lag
	}
	if n := m.assignment.count(); n == 0 || len(lags) < n {
		m.stats.ForgetLag()
		return
	}
	m.stats.SetLag(sum)
}

func (m *lagMeter) set(tp topicPartition, lag int64) {
	m.gauge.Set(lag, tp.topic, strconv.Itoa(int(tp.partition)))
}
