package nats

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// mostSought is how many rejected messages are looked for in the stream at a time.
const mostSought = 16

// dropGone gives up what was rejected and the stream no longer has: it does not come
// again, and where one acknowledgement covers all before it nothing behind it could be
// acknowledged.
func (s *jetSession) dropGone(ctx context.Context) {
	rejected := s.intake.rejected(mostSought)
	if len(rejected) == 0 {
		return
	}
	stream, err := s.js.Stream(ctx, s.in.conf.stream)
	if err != nil {
		return // the puller finds out why
	}
	var gone []uint64
	for _, sequence := range rejected {
		if sequence >= stream.CachedInfo().State.FirstSeq {
			// Who may not read the stream by sequence is told nothing: it stays as it is.
			if _, err := stream.GetMsg(ctx, sequence); !errors.Is(err, jetstream.ErrMsgNotFound) {
				continue
			}
		}
		gone = append(gone, sequence)
	}
	n, acks := s.intake.loseRejected(gone)
	_ = s.acknowledge(acks) // what is lost for it is said again
	if n == 0 {
		return
	}
	s.log.With("first", gone[0], "last", gone[len(gone)-1], "records", n).
		Warn("JetStream no longer has messages that were rejected, and does not deliver them again")
	s.in.enterLoss(int64(n), fmt.Sprintf("stream %q deleted messages that were rejected before they came again, from sequence %d on", s.in.conf.stream, gone[0]))
}

// rejected are the first messages that were rejected and are to come again, where
// acknowledgements wait for them, in their order.
func (k *intake) rejected(most int) []uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ledger.rejected(most)
}

// loseRejected gives rejected messages up, and returns how many of them had not come
// again meanwhile, and what can be acknowledged for it.
func (k *intake) loseRejected(sequences []uint64) (n int, acks receipt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, sequence := range sequences {
		if k.ledger.lose(sequence) {
			n++
		}
	}
	return n, k.receipts.open(k.ledger.advance(), nil, k.ledger.tick)
}

// lose takes out a message that was rejected, if it is still to come again.
func (l *ledger) lose(sequence uint64) bool {
	l.index()
	r, found := l.where[sequence]
	if !found || !r.nacked {
		return false
	}
	l.takeOut(r, sequence)
	return true
}

func (l *ledger) rejected(most int) (sequences []uint64) {
	for _, r := range l.ordered {
		if !r.nacked {
			continue
		}
		for _, i := range r.items {
			if len(sequences) == most {
				return sequences
			}
			sequences = append(sequences, i.sequence)
		}
	}
	return sequences
}
