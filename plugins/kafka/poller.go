package kafka

import (
	"context"
	"errors"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/position"
)

// chunk is a run of records of one partition, in order and never empty.
type chunk struct {
	part      *partition
	records   []*kgo.Record
	end       kgo.EpochOffset // where the partition goes on after it
	sealed    bool            // it is stored as it is; see position.Sealed
	announced bool            // a commit says where it ends since before it was formed
}

// batch is what one poll returned: chunks and their messages in the same order.
type batch struct {
	chunks   []chunk
	ends     []int // behind the messages of each chunk
	load     gate.Level
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
	perMessage int // records in a message, at most
	decorate   decorator
	link       *link
	losses     *lossBook
	rests      *rests
	place      func(announcements) // tells the group where partitions start; nil where nothing is committed, or otherwise
	batches    chan *batch         // unbuffered: one batch at most waits to be taken
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
		p.deliver(chunks)
		p.pass(ctx, chunks)
	}
}

// pass waits until a batch of the chunks is taken, or ctx ends.
func (p *poller) pass(ctx context.Context, chunks []chunk) {
	select {
	case p.batches <- p.build(chunks):
	case <-ctx.Done():
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
	chunks, losses := p.assignment.resolve(fetches)
	p.placeStarts(chunks)
	p.client.AllowRebalance()
	p.losses.enter(losses)
	return chunks, fetches.Errors()
}

// placeStarts commits where partitions start of which the group has no commit, before
// anything of them is handed out. Without that, whoever goes on before the first of it is
// settled would start where the config says: at the end of the log it may be, behind
// what was read here, and without knowing what retention deleted meanwhile. No commit of
// what is settled can be on its way yet, and rebalances are held back, so that it takes
// nothing back.
func (p *poller) placeStarts(chunks []chunk) {
	if p.place == nil {
		return
	}
	if starts := p.assignment.unplacedStarts(chunks); len(starts) > 0 {
		p.place(starts)
	}
}

// deliver says that records came.
func (p *poller) deliver(chunks []chunk) {
	p.link.deliver(chunks)
	p.rests.deliver(chunks)
}

// report tells the link of errors that keep records from coming, and returns
// whether the client is closed. Three kinds are not such: the client goes on
// behind lost data by itself, and joins its group again by itself, which the
// link hears of at once and not only at the next poll; and a poll may be bounded.
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
			p.link.log.With("cause", loss).Warn("A Kafka partition was cut off or made anew before the position: some records may be delivered again")
		case errors.Is(e.Err, errInflated): // it is fetched again
		case errors.As(e.Err, &group), e.Topic == "" && ended(e.Err):
		case e.Topic != "":
			p.rests.add(topicPartition{e.Topic, e.Partition}, e.Err)
		default:
			p.link.down(e.Err)
		}
	}
	return false
}

func ended(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

func (p *poller) build(chunks []chunk) *batch {
	n := 0
	for _, c := range chunks {
		n += len(c.records)
	}
	b := &batch{chunks: chunks, ends: make([]int, 0, len(chunks)), messages: make(service.MessageBatch, 0, n/max(1, p.perMessage)+len(chunks))}
	for _, c := range chunks {
		b.messages = p.appendAs(b.messages, c)
		b.ends = append(b.ends, len(b.messages))
		b.load.Records += len(c.records)
		for _, r := range c.records {
			b.load.Bytes += int64(len(r.Value))
			r.Recycle() // and not to be looked at again
		}
	}
	return b
}

// appendAs appends the messages of a chunk in the form that is configured.
func (p *poller) appendAs(messages service.MessageBatch, c chunk) service.MessageBatch {
	switch {
	case p.perMessage > 1:
		return p.appendFrames(messages, c)
	case c.sealed:
		return p.appendSealed(messages, c)
	}
	return p.append(messages, c)
}

// append makes the messages of a chunk. They share the metadata of their
// partition and one context, which knows their positions.
func (p *poller) append(messages service.MessageBatch, c chunk) service.MessageBatch {
	run := position.NewRun(c.part.source, len(c.records))
	template := c.part.template.WithContext(run.Mark(c.part.template.Context()))
	for _, r := range c.records {
		r.Value = run.Add(r.Offset, r.Value)
		messages = append(messages, p.fill(template.Copy(), r))
	}
	return messages
}

// appendSealed is append for a chunk that is stored as it is: every message
// knows its own position.
func (p *poller) appendSealed(messages service.MessageBatch, c chunk) service.MessageBatch {
	run := position.Seal(c.part.template.Context(), c.part.source, len(c.records))
	for _, r := range c.records {
		messages = append(messages, p.fill(c.part.template.Copy().WithContext(run.Add(r.Offset)), r))
	}
	return messages
}

// appendFrames makes messages of many records each.
func (p *poller) appendFrames(messages service.MessageBatch, c chunk) service.MessageBatch {
	run := position.NewRun(c.part.source, len(c.records))
	ctx := run.Mark(c.part.template.Context())
	for records := range slices.Chunk(c.records, p.perMessage) {
		size := 0
		for _, r := range records {
			size += len(r.Value)
		}
		f := frame.NewBuilder(len(records), size)
		for _, r := range records {
			run.Add(r.Offset, f.Add(r.Value))
		}
		messages = append(messages, f.Message(ctx, c.part.template))
	}
	return messages
}

// fill makes a copy of a template the message of a record.
func (p *poller) fill(m *service.Message, r *kgo.Record) *service.Message {
	m.SetBytes(r.Value)
	if p.decorate != nil {
		p.decorate(m, r)
	}
	return m
}
