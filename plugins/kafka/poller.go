package kafka

import (
	"context"
	"errors"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/position"
)

// chunk is a run of records of one partition, in order and never empty.
type chunk struct {
	part    *partition
	records []*kgo.Record
}

// next is where the partition goes on after the chunk.
func (c chunk) next() kgo.EpochOffset {
	last := c.records[len(c.records)-1]
	return kgo.EpochOffset{Epoch: last.LeaderEpoch, Offset: last.Offset + 1}
}

// batch is what one poll returned: chunks and their messages in the same order.
type batch struct {
	chunks   []chunk
	messages service.MessageBatch
}

// pollClient is what the poller needs of a *kgo.Client.
type pollClient interface {
	PollRecords(ctx context.Context, n int) kgo.Fetches
	AllowRebalance()
}

var _ pollClient = (*kgo.Client)(nil)

// poller turns polled records into batches until its context ends.
type poller struct {
	client     pollClient
	assignment *assignment
	count      int // records in a batch, at most
	decorate   decorator
	link       *link
	batches    chan *batch // unbuffered: one batch at most waits to be taken
	done       chan struct{}
}

// run polls. Whoever started it cancels ctx and then waits for done.
func (p *poller) run(ctx context.Context) {
	defer close(p.done)
	for p.awaitOpen(ctx) {
		chunks, errs := p.poll(ctx)
		if ctx.Err() != nil || p.report(errs) {
			return
		}
		if len(chunks) == 0 {
			continue
		}
		p.link.deliver(chunks)
		select {
		case p.batches <- p.build(chunks):
		case <-ctx.Done():
			return
		}
	}
}

// awaitOpen blocks while the input is paused, and reports whether to go on.
func (p *poller) awaitOpen(ctx context.Context) bool {
	select {
	case <-p.assignment.open():
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// poll returns what has arrived, waiting for it. The client holds rebalances
// back from the moment that it has something to return, until the records are
// tied to their assignment.
func (p *poller) poll(ctx context.Context) ([]chunk, []kgo.FetchError) {
	fetches := p.client.PollRecords(ctx, p.count)
	chunks := p.assignment.resolve(fetches)
	p.client.AllowRebalance()
	return chunks, fetches.Errors()
}

// report tells the link of errors that keep records from coming, and returns
// whether the client is closed. Two kinds are not such: the client goes on
// behind lost data by itself, and joins its group again by itself, which the
// link hears of at once and not only at the next poll.
func (p *poller) report(errs []kgo.FetchError) (closed bool) {
	for _, e := range errs {
		var (
			loss  *kgo.ErrDataLoss
			group *kgo.ErrGroupSession
		)
		switch {
		case errors.Is(e.Err, kgo.ErrClientClosed):
			return true
		case errors.As(e.Err, &loss):
			p.link.log.With("error", loss).Warn("Kafka no longer has records that were not read yet")
		case errors.As(e.Err, &group):
		case e.Topic != "":
			p.link.stick(topicPartition{e.Topic, e.Partition}, e.Err)
		default:
			p.link.down(e.Err)
		}
	}
	return false
}

func (p *poller) build(chunks []chunk) *batch {
	n := 0
	for _, c := range chunks {
		n += len(c.records)
	}
	messages := make(service.MessageBatch, 0, n)
	for _, c := range chunks {
		messages = p.append(messages, c)
	}
	return &batch{chunks: chunks, messages: messages}
}

// append makes the messages of a chunk. They share the metadata of their
// partition and one context, which knows their positions.
func (p *poller) append(messages service.MessageBatch, c chunk) service.MessageBatch {
	run := position.NewRun(c.part.source, len(c.records))
	template := c.part.template.WithContext(run.Mark(c.part.template.Context()))
	for _, r := range c.records {
		run.Add(r.Offset, r.Value)
		m := template.Copy()
		m.SetBytes(r.Value)
		if p.decorate != nil {
			p.decorate(m, r)
		}
		messages = append(messages, m)
	}
	return messages
}
