package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
)

var _ checkup.Examiner = (*jetInput)(nil)

// busyKeeper is how many words a second that messages are still held are a load
// on the server and on the bridge.
const busyKeeper = 20_000

// Checkup implements checkup.Examiner: it compares the stream's limits with an
// outage, and the consumer's with the thresholds of the gate.
func (in *jetInput) Checkup(ctx context.Context, facts checkup.Facts, sample *checkup.Sample, report *checkup.Report) {
	err := in.visit(ctx, func(stream jetstream.Stream) error {
		consumer, err := stream.Consumer(ctx, in.conf.durable)
		switch {
		case err == nil:
		case errors.Is(err, jetstream.ErrConsumerNotFound):
			consumer = nil
		default:
			return in.conf.explain(err)
		}
		info := stream.CachedInfo()
		in.conf.checkStream(info, consumer != nil, facts, sample, report)
		in.conf.checkDurability(info.Config, report)
		if consumer != nil {
			in.conf.checkConsumer(consumer.CachedInfo(), report)
			in.conf.checkPending(consumer, facts.Buffer, report)
			return in.conf.checkStand(ctx, stream, consumer.CachedInfo(), report)
		}
		if !in.conf.bind {
			report.Info("consumer", fieldDurable, "consumer %q does not exist yet: run makes it, and it begins by deliver: %s", in.conf.durable, in.conf.deliver)
		}
		in.conf.checkPending(nil, facts.Buffer, report)
		return nil
	})
	if err != nil {
		report.Unchecked("stream", fieldStream, err)
	}
}

// checkStream asks whether the stream keeps what comes while nobody takes it.
func (c jetConfig) checkStream(info *jetstream.StreamInfo, hasConsumer bool, facts checkup.Facts, sample *checkup.Sample, report *checkup.Report) {
	conf := info.Config
	before := len(report.Findings())
	if conf.MaxAge > 0 && conf.MaxAge < facts.Outage {
		report.Warn("retention", fieldStream,
			fmt.Sprintf("stream %q keeps messages for %s (max_age), less than an outage of %s: what is older is lost", c.stream, conf.MaxAge, facts.Outage),
			fmt.Sprintf("set its max_age to %s or more (nats stream edit %s --max-age=%s)", facts.Outage, c.stream, facts.Outage))
	}
	c.checkRoom("max_msgs", conf.MaxMsgs, 1, conf, facts, sample, report)
	if sample != nil && sample.Records > 0 {
		c.checkRoom("max_bytes", conf.MaxBytes, sample.MeanBytes(), conf, facts, sample, report)
	}
	if conf.Retention == jetstream.InterestPolicy && !hasConsumer {
		report.Warn("retention", fieldStream,
			fmt.Sprintf("stream %q keeps only what a consumer is there for (retention: interest), and consumer %q does not exist yet: what is published before run makes it is lost", c.stream, c.durable),
			"make the consumer first, or start the bridge before the publishers")
	}
	if conf.Storage == jetstream.MemoryStorage {
		report.Warn("retention", fieldStream, fmt.Sprintf("stream %q is kept in memory: a restart of its server loses it", c.stream), "keep it in files (storage: file)")
	}
	if len(report.Findings()) == before {
		report.OK("retention", fieldStream, "stream %q outlasts %s without the bridge (%s)", c.stream, facts.Outage, limitsOf(conf))
	}
}

// checkDurability names what a crash of a server costs of what a publisher was
// told is stored.
func (c jetConfig) checkDurability(conf jetstream.StreamConfig, report *checkup.Report) {
	const fsync = "NATS answers a publisher before the disk has the message (sync_interval, 2 minutes by default)"
	switch {
	case conf.Storage == jetstream.MemoryStorage: // said already
	case conf.PersistMode == jetstream.AsyncPersistMode:
		report.Warn("durability", fieldStream,
			fmt.Sprintf("stream %q writes asynchronously (persist_mode: async): a crash of its server loses messages that publishers were told are stored", c.stream),
			"leave persist_mode out, and make it of 3 replicas")
	case conf.Replicas < 2:
		report.Info("durability", fieldStream, "stream %q is on one server alone (replicas: 1), and %s: a crash of the machine loses the last of them. Where that matters: 3 replicas, or sync_interval: always", c.stream, fsync)
	}
	if c.maxDeliveries > 0 && conf.Retention != jetstream.LimitsPolicy {
		report.Warn("retention", fieldMaxDeliveries, unkeptFault(c.stream), "set it to 0, or the stream's retention to limits")
	}
}

// checkStand asks whether the consumer stands where anything can come.
func (c jetConfig) checkStand(ctx context.Context, stream jetstream.Stream, info *jetstream.ConsumerInfo, report *checkup.Report) error {
	info, beyond, err := c.confirmBeyond(ctx, stream, info)
	if err != nil || !beyond {
		return err
	}
	saw := fmt.Sprintf("consumer %q stands at sequence %d, beyond the last one of stream %q (%d), which was restored or has lost messages: nothing would come until the stream has grown past it",
		c.durable, stand(info), c.stream, stream.CachedInfo().State.LastSeq)
	if c.onReset == onResetResume && !c.bind {
		report.Warn("consumer", fieldOnReset, saw, "run makes it anew; messages since its last delivery may come a second time")
		return nil
	}
	report.Fail("consumer", fieldOnReset, saw, fmt.Sprintf("make it anew (nats consumer rm %s %s), at the sequence from which on messages are new", c.stream, c.durable))
	return nil
}

func limitsOf(conf jetstream.StreamConfig) string {
	age := "no max_age"
	if conf.MaxAge > 0 {
		age = fmt.Sprintf("max_age %s", conf.MaxAge)
	}
	return fmt.Sprintf("%s, max_msgs %d, max_bytes %d", age, conf.MaxMsgs, conf.MaxBytes)
}

// checkRoom compares a limit of the stream with what an outage brings at the
// rate seen.
func (c jetConfig) checkRoom(limit string, most, each int64, conf jetstream.StreamConfig, facts checkup.Facts, sample *checkup.Sample, report *checkup.Report) {
	if most <= 0 || sample == nil || sample.Rate == 0 {
		return
	}
	lasts := time.Duration(float64(most) / float64(each) / sample.Rate * float64(time.Second))
	if lasts >= facts.Outage {
		return
	}
	then := "the oldest messages are discarded, unread"
	if conf.Discard == jetstream.DiscardNew {
		then = "publishers are refused (discard: new)"
	}
	report.Warn("retention", fieldStream,
		fmt.Sprintf("%s (%d) of stream %q holds %s at the %.1f messages a second seen, less than an outage of %s: then %s", limit, most, c.stream, lasts.Round(time.Second), sample.Rate, facts.Outage, then),
		fmt.Sprintf("raise %s, or plan for a shorter outage", limit))
}

// checkConsumer says what run would change of the consumer, and what it cannot.
func (c jetConfig) checkConsumer(info *jetstream.ConsumerInfo, report *checkup.Report) {
	have := info.Config
	if have.MaxDeliver > 0 {
		severity, doing := checkup.Warning, fmt.Sprintf("set its max_deliver to -1 (nats consumer edit %s %s --max-deliver=-1)", c.stream, c.durable)
		if !c.bind {
			severity, doing = checkup.Info, "" // run sets it
		}
		report.Add(severity, "consumer", fieldDurable,
			fmt.Sprintf("consumer %q gives a message up after %d deliveries: the server then leaves it in the stream, unseen", c.durable, have.MaxDeliver), doing)
	}
	if have.MaxWaiting > 0 && have.MaxWaiting < 2 {
		report.Warn("consumer", fieldDurable, fmt.Sprintf("consumer %q takes %d request at a time (max_waiting): another replica of the bridge is refused", c.durable, have.MaxWaiting),
			"make it anew with max_waiting 512, the default")
	}
	if !c.bind {
		for field, values := range map[string][2]any{
			fieldAckWait:       {have.AckWait, c.ackWait},
			fieldMaxAckPending: {have.MaxAckPending, c.maxAckPending},
		} {
			if values[0] != values[1] {
				report.Info("consumer", field, "run changes it on consumer %q from %v to %v", c.durable, values[0], values[1])
			}
		}
	}
	report.OK("consumer", fieldDurable, "consumer %q has %d messages to deliver and %d that are not acknowledged", c.durable, info.NumPending, info.NumAckPending)
}

// checkPending compares what the consumer allows with where the gate closes.
func (c jetConfig) checkPending(consumer jetstream.Consumer, buffer checkup.Buffer, report *checkup.Report) {
	maxPending, ackWait, doing := c.maxAckPending, c.ackWait, "leave "+fieldMaxAckPending+" out: there is nothing to gain by less"
	if c.bind && consumer != nil {
		have := consumer.CachedInfo().Config
		maxPending, ackWait = have.MaxAckPending, have.AckWait
		doing = fmt.Sprintf("raise it on the server (nats consumer edit %s %s --max-pending=%d)", c.stream, c.durable, 2*buffer.Max)
	}
	switch fault := pendingFault(c.durable, maxPending, buffer.Pause, buffer.Max, c.pendingMessages); {
	case !buffer.Enabled:
	case fault != "":
		report.Warn("thresholds", fieldMaxAckPending, fault, doing)
	default:
		report.OK("thresholds", fieldMaxAckPending, "%d leaves room for pause_threshold (%d)", maxPending, buffer.Pause)
	}
	if held := buffer.Max; held > 0 && c.ackPolicy == jetstream.AckExplicitPolicy {
		if words := float64(held) / (ackWait.Seconds() / 2); words > busyKeeper {
			report.Warn("thresholds", fieldAckWait,
				fmt.Sprintf("with %s, a full buffer of %d messages says %.0f times a second that they are still held", ackWait, held, words),
				fmt.Sprintf("raise ack_wait to %s or more", (time.Duration(2*held/busyKeeper+1)*time.Second)))
		}
	}
}

// Holds implements checkup.Holder. A batch is made of what waits, and so no larger.
func (in *jetInput) Holds(record int64) int64 {
	waits := min(int64(in.conf.pendingMessages)*record, int64(in.conf.pendingBytes))
	return waits + 2*min(int64(in.conf.count)*record, waits)
}
