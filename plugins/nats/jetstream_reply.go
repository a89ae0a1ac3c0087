package nats

import (
	"strings"
	"time"
)

// ackPrefix begins the reply subject of every message that a consumer delivers,
// and of nothing else that comes from the server.
const ackPrefix = "$JS.ACK."

// delivery is what the reply subject of a message says about it.
type delivery struct {
	count    uint64 // how often the message was delivered, this time included
	stream   uint64 // its sequence in the stream
	consumer uint64 // the sequence of this delivery in the consumer
	stored   time.Time
	pending  uint64 // messages behind it that the consumer has not delivered
}

// The reply subject has two forms, of 9 tokens and of 11 or more:
//
//	$JS.ACK.<stream>.<consumer>.<count>.<stream seq>.<consumer seq>.<time>.<pending>
//	$JS.ACK.<domain>.<account>.<stream>.<consumer>.<count>. …
const (
	ackTokens   = 9
	ackNumberAt = 4
	ackLongForm = 11
	ackLongMore = 2 // tokens more before the numbers
)

// parseDelivery reads the reply subject of a message. ok is false for what is
// no message of a consumer. It allocates nothing: it is called for each message.
func parseDelivery(reply string) (d delivery, ok bool) {
	if !strings.HasPrefix(reply, ackPrefix) {
		return d, false
	}
	skip := ackNumberAt
	switch n := strings.Count(reply, ".") + 1; {
	case n >= ackLongForm:
		skip += ackLongMore
	case n != ackTokens:
		return d, false
	}
	for range skip {
		_, reply, _ = strings.Cut(reply, ".")
	}
	var nanos uint64
	for _, to := range []*uint64{&d.count, &d.stream, &d.consumer, &nanos, &d.pending} {
		var token string
		token, reply, _ = strings.Cut(reply, ".")
		if *to, ok = parseNumber(token); !ok {
			return delivery{}, false
		}
	}
	d.stored = time.Unix(0, int64(nanos))
	return d, true
}

func parseNumber(s string) (n uint64, ok bool) {
	if s == "" {
		return 0, false
	}
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + uint64(c)
	}
	return n, true
}
