package kafka

import (
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// loss is a run of offsets of a partition that the brokers no longer have and that
// were not read here. It counts offsets, not records: nobody can tell any more how
// many of them were markers of transactions, or gone by compaction before.
type loss struct {
	topicPartition
	from, to int64 // the first that is lost, and the one behind the last
	cause    string
}

// The causes of a loss.
const (
	lossRetention = "the log begins behind the position: retention or a deletion of records"
	lossTruncated = "the log was cut off before the position that it had reached"
	lossAnew      = "the topic was deleted and made anew"
)

// lossBook counts losses and logs each of them.
type lossBook struct {
	stats *status.Input
	log   *service.Logger
}

func (b *lossBook) enter(losses []loss) {
	for _, l := range losses {
		b.stats.Lost.Add(l.to - l.from)
		b.log.With("topic", l.topic, "partition", l.partition, "from", l.from, "to", l.to, "records", l.to-l.from, "cause", l.cause).
			Warn("Kafka no longer has records that were not read yet")
	}
	if len(losses) > 0 {
		b.stats.Publish()
	}
}

// follow moves the partition to behind what was fetched. It returns what the log
// lost since the last time: what lies below its start and was not read. A gap
// inside the log is no loss: there are no records in it.
//
// A record may lie below the log's start if that moved while it was sent: what is
// lost ends at the first record in any case.
func (p *partition) follow(f kgo.FetchTopicPartition) (losses []loss) {
	if f.Err != nil {
		return nil
	}
	to := f.LogStartOffset
	if len(f.Records) > 0 {
		to = min(to, f.Records[0].Offset)
	}
	losses = p.skipTo(to)
	if n := len(f.Records); n > 0 {
		p.next = f.Records[n-1].Offset + 1
	}
	return losses
}

// skipTo says that the log begins at an offset. It returns what is lost by that.
func (p *partition) skipTo(start int64) (losses []loss) {
	if p.next >= 0 && p.next < start {
		losses = append(losses, loss{p.topicPartition, p.next, start, lossRetention})
		p.next = start
		p.intent.trim(start)
	}
	return losses
}
