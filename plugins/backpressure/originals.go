package backpressure

import "github.com/redpanda-data/benthos/v4/public/service"

type originalsKey struct{}

// PassOriginals tells the buffers of the main stream that nothing behind them
// changes messages: there are no processors. They then hand out the messages
// that they keep for a retry, and not copies, which spares three allocations a
// record. Whoever parses the whole configuration may say so, before the stream is
// built; buffers see only their own part of it.
func PassOriginals(res *service.Resources) { res.SetGeneric(originalsKey{}, true) }

func passesOriginals(res *service.Resources) bool {
	_, said := res.GetGeneric(originalsKey{})
	return said && res.StreamID() == ""
}
