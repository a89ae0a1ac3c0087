package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

var (
	_ checkup.Examiner = (*coreInput)(nil)
	_ checkup.Sampler  = (*coreInput)(nil)
)

// shortQueue is how long a client's queue should last while the stream takes
// nothing, which a collection of garbage or a slow batch can bring about.
const shortQueue = time.Second

// Sample implements checkup.Sampler: it subscribes beside the queue group, so
// that each message still goes to a member of it, and listens for a while.
func (c *coreInput) Sample(ctx context.Context, request checkup.Request) (*checkup.Sample, error) {
	var link status.Link
	conn, err := c.conf.connection.dial(ctx, c.label, c.log, &link, hooks{})
	if err != nil {
		return nil, err
	}
	defer conn.close()
	arrived := make(chan *nats.Msg, request.Records)
	for _, subject := range c.conf.subjects {
		if _, err := conn.conn.ChanSubscribe(subject, arrived); err != nil {
			return nil, err
		}
	}
	if err := conn.flush(ctx); err != nil {
		return nil, c.conf.connection.explain(err)
	}
	heard := listen(ctx, arrived, request)
	if err := conn.conn.LastError(); len(heard.msgs) == 0 && errors.Is(err, nats.ErrPermissionViolation) {
		return nil, err
	}
	return c.sampleOf(heard), nil
}

// rateWindow is how long messages are counted for their rate, even where enough
// of them have come sooner: a burst says little.
const rateWindow = time.Second

// heard is what arrived while somebody listened.
type heard struct {
	msgs []*nats.Msg // the first ones
	n    int         // of all
	took time.Duration
}

func listen(ctx context.Context, arrived <-chan *nats.Msg, request checkup.Request) (h heard) {
	begun := time.Now()
	defer func() { h.took = time.Since(begun) }()
	enough := time.NewTimer(min(rateWindow, request.Wait))
	defer enough.Stop()
	end := time.NewTimer(request.Wait)
	defer end.Stop()
	counted := false
	for !counted || len(h.msgs) < request.Records {
		select {
		case m := <-arrived:
			h.n++
			if len(h.msgs) < request.Records {
				h.msgs = append(h.msgs, m)
			}
		case <-enough.C:
			counted = true
		case <-end.C:
			return h
		case <-ctx.Done():
			return h
		}
	}
	return h
}

func (c *coreInput) sampleOf(h heard) *checkup.Sample {
	r := newRecords(context.Background(), c.conf.metadata, c.conf.recordMetadata...)
	s := &checkup.Sample{
		Input: c.label, Records: len(h.msgs), Bytes: int64(sizeOf(h.msgs)), Rate: float64(h.n) / h.took.Seconds(),
		Blank: r.base, Note: "heard live, beside any queue group",
	}
	if c.conf.perMessage > 1 {
		s.Batch = r.frames(h.msgs, c.conf.perMessage)
	} else {
		s.Batch = r.batch(h.msgs)
	}
	return s
}

// Checkup implements checkup.Examiner: it compares the client's queue with what
// is to go through it, and spells out what a pause costs.
func (c *coreInput) Checkup(_ context.Context, facts checkup.Facts, sample *checkup.Sample, report *checkup.Report) {
	c.checkPause(facts, report)
	if sample == nil || sample.Records == 0 {
		return
	}
	size := max(1, sample.MeanBytes())
	room := min(int64(c.conf.pendingMessages), int64(c.conf.pendingBytes)/size)
	if room < int64(c.conf.count) {
		report.Warn("pending limits", fieldPendingLimits+"."+fieldBytes,
			fmt.Sprintf("%d bytes hold %d records of %d bytes, less than batch.count (%d): a full batch never waits in the queue", c.conf.pendingBytes, room, size, c.conf.count),
			fmt.Sprintf("raise it to %d or more", size*int64(c.conf.pendingMessages)))
	}
	lasts := time.Duration(float64(room) / sample.Rate * float64(time.Second))
	if lasts < shortQueue {
		report.Warn("pending limits", fieldPendingLimits,
			fmt.Sprintf("%d records of %d bytes fit, which is %s at the %.1f records a second seen: what comes while the stream takes nothing for longer is lost as slow consumer",
				room, size, lasts.Round(time.Millisecond), sample.Rate),
			fmt.Sprintf("raise %s.%s and %s.%s so that they hold a second or more", fieldPendingLimits, fieldMessages, fieldPendingLimits, fieldBytes))
		return
	}
	report.OK("pending limits", fieldPendingLimits, "hold %d records of %d bytes, %s at the %.1f records a second seen", room, size, lasts.Round(time.Second), sample.Rate)
}

func (c *coreInput) checkPause(facts checkup.Facts, report *checkup.Report) {
	switch {
	case !facts.Buffer.Enabled:
		report.Info("pause", fieldOnPause, "nothing pauses this input; once the stream takes nothing more, messages beyond pending_limits are lost as slow consumer, and counted")
	case c.conf.leave:
		report.Info("pause", fieldOnPause, "while paused the other members of queue group %q get this one's share; what comes while all of them are paused is lost, and not counted", c.conf.queue)
	case c.conf.conflate.enabled:
		report.Info("pause", fieldOnPause, "while paused the newest message of each key is kept, older ones are conflated and counted")
	default:
		report.Info("pause", fieldOnPause, "while paused every message is dropped and counted; use JetStream where each one matters")
	}
}

// Holds implements checkup.Holder.
func (c *coreInput) Holds(record int64) int64 {
	queue := min(int64(c.conf.pendingMessages)*record, int64(c.conf.pendingBytes))
	return queue*int64(len(c.conf.subjects)) + 2*min(int64(c.conf.count)*record, int64(c.conf.byteSize))
}
