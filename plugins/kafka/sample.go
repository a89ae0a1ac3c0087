package kafka

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

var _ checkup.Sampler = (*input)(nil)

// sampleTail is a partition's last records: where they begin, and where the
// partition ends.
type sampleTail struct{ from, end int64 }

// Sample implements checkup.Sampler: it reads the last records of each partition
// without a group, so that no offset is committed and nobody rebalances.
func (in *input) Sample(ctx context.Context, request checkup.Request) (*checkup.Sample, error) {
	s := &checkup.Sample{
		Input: status.LabelOf(in.res), Blank: templates(context.Background(), in.conf.metadata)(topicPartition{}),
		Note: "the last ones of each partition, without the group",
	}
	err := in.conf.visit(ctx, func(admin *kadm.Client) error {
		tails, rate, err := in.conf.tails(ctx, admin, request.Records)
		if err != nil || len(tails) == 0 {
			return err
		}
		s.Rate = rate
		records, err := in.conf.readTails(ctx, tails, request)
		if err != nil {
			return err
		}
		in.conf.fillSample(s, records)
		return nil
	})
	return s, err
}

// topicsRead are the topics that the configuration means, with their partitions.
func (c *config) topicsRead(ctx context.Context, admin *kadm.Client) (kadm.TopicDetails, error) {
	names := c.topics
	switch {
	case c.regexp:
		names = nil
	case c.partitions != nil:
		names = c.partitions.topics()
	}
	topics, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("looking up topics: %w", err)
	}
	if c.regexp {
		topics.FilterInternal()
		for name := range topics {
			if !matchesOne(c.topics, name) || matchesOne(c.excluded(), name) {
				delete(topics, name)
			}
		}
	}
	for name, t := range topics {
		if t.Err != nil { // the connection test says so
			delete(topics, name)
		}
	}
	return topics, nil
}

func matchesOne(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		matched, err := regexp.MatchString(p, name)
		return err == nil && matched
	})
}

// tails shares n records out among the partitions that hold any. It returns as
// well how many records a second came lately.
func (c *config) tails(ctx context.Context, admin *kadm.Client, n int) (tails map[topicPartition]sampleTail, rate float64, err error) {
	topics, err := c.topicsRead(ctx, admin)
	if err != nil || len(topics) == 0 {
		return nil, 0, err
	}
	starts, err := admin.ListStartOffsets(ctx, topics.Names()...)
	if err != nil {
		return nil, 0, fmt.Errorf("looking up where partitions start: %w", err)
	}
	ends, err := admin.ListEndOffsets(ctx, topics.Names()...)
	if err != nil {
		return nil, 0, fmt.Errorf("looking up the ends of partitions: %w", err)
	}
	tails = map[topicPartition]sampleTail{}
	ends.Each(func(end kadm.ListedOffset) {
		tp := topicPartition{end.Topic, end.Partition}
		start, ok := starts.Lookup(end.Topic, end.Partition)
		if !ok || start.Err != nil || end.Err != nil || start.Offset >= end.Offset || !c.reads(tp) {
			return
		}
		tails[tp] = sampleTail{from: start.Offset, end: end.Offset}
	})
	for tp, t := range tails {
		share := int64((n + len(tails) - 1) / len(tails))
		tails[tp] = sampleTail{from: max(t.from, t.end-share), end: t.end}
	}
	return tails, c.rate(ctx, admin, topics.Names(), ends), nil
}

// reads reports whether a partition of a topic that is read is read.
func (c *config) reads(tp topicPartition) bool {
	_, named := c.partitions[tp]
	return c.partitions == nil || named
}

// readTails reads until every partition has been read to its end, or time is up:
// the last offsets of a partition need not be records.
func (c *config) readTails(ctx context.Context, tails map[topicPartition]sampleTail, request checkup.Request) (records []*kgo.Record, err error) {
	from := map[string]map[int32]kgo.Offset{}
	for tp, t := range tails {
		if from[tp.topic] == nil {
			from[tp.topic] = map[int32]kgo.Offset{}
		}
		from[tp.topic][tp.partition] = kgo.NewOffset().At(t.from)
	}
	opts, err := c.connectionOptions()
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(opts, kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(c.isolationLevel()), kgo.Rack(c.rackID))...)
	if err != nil {
		return nil, fmt.Errorf("configuring the Kafka client: %w", err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, request.Wait)
	defer cancel()
	for open := len(tails); open > 0 && len(records) < request.Records && ctx.Err() == nil; {
		fetches := cl.PollFetches(ctx)
		fetches.EachRecord(func(r *kgo.Record) {
			records = append(records, r)
			if t := tails[topicPartition{r.Topic, r.Partition}]; r.Offset == t.end-1 {
				open--
			}
		})
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.DeadlineExceeded) {
				return nil, fmt.Errorf("reading partition %d of topic %q: %w", e.Partition, e.Topic, e.Err)
			}
		}
	}
	return records[:min(len(records), request.Records)], nil
}

// fillSample makes messages of records, as the poller does.
func (c *config) fillSample(s *checkup.Sample, records []*kgo.Record) {
	byPartition := map[topicPartition][]*kgo.Record{}
	for _, r := range records {
		tp := topicPartition{r.Topic, r.Partition}
		byPartition[tp] = append(byPartition[tp], r)
		s.Bytes += int64(len(r.Value))
	}
	s.Records = len(records)
	p := &poller{perMessage: c.perMessage, decorate: decoratorOf(c.recordMetadata)}
	a := newAssignment(templates(context.Background(), c.metadata))
	for tp, of := range byPartition {
		s.Batch = p.appendAs(s.Batch, chunk{part: a.newPartition(tp), records: of})
	}
}

// rateWindow is how far the rate of a topic is looked back for.
const rateWindow = time.Minute

// rate is how many records a second came lately, 0 where the brokers do not say.
func (c *config) rate(ctx context.Context, admin *kadm.Client, topics []string, ends kadm.ListedOffsets) float64 {
	before, err := admin.ListOffsetsAfterMilli(ctx, time.Now().Add(-rateWindow).UnixMilli(), topics...)
	if err != nil {
		return 0
	}
	n := int64(0)
	before.Each(func(from kadm.ListedOffset) {
		end, ok := ends.Lookup(from.Topic, from.Partition)
		if ok && end.Err == nil && from.Err == nil && from.Offset >= 0 && c.reads(topicPartition{from.Topic, from.Partition}) {
			n += end.Offset - from.Offset
		}
	})
	return float64(n) / rateWindow.Seconds()
}
