package nats

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// The methods of an intake that are about its place in the stream.

func (k *intake) settlePlace(a anchor) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a.unanswered = k.request.err != nil
	k.place.settle(a)
	if !k.place.lost.none() {
		signal(k.short)
	}
}

// goOn goes on from the place of a session that has ended.
func (k *intake) goOn(p place) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.place = p
}

func (k *intake) placed() place {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.place
}

// seen notes what the server says of the consumer while it may be delivering. What
// is said of one that is not ours is of no interest.
func (k *intake) seen(info *jetstream.ConsumerInfo) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if info.Created.Equal(k.place.made) {
		k.place.refilter(filtersOf(info.Config))
		k.place.saw(info.Delivered.Consumer, info.NumPending)
	}
}

// hasOthers reports whether others take messages of the consumer.
func (k *intake) hasOthers() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.place.others
}

// resync notes where the consumer stands while nothing is asked for.
func (k *intake) resync(info *jetstream.ConsumerInfo) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if info.Created.Equal(k.place.made) {
		k.place.catchUp(info.Delivered.Consumer, info.Delivered.Stream, info.NumPending)
	}
}

func (k *intake) takeLoss() loss {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.place.take()
}

// askOthers looks, before a request, how far others have brought the consumer: only
// who knows that can tell, of the first message that comes, what was left out before it.
func (s *jetSession) askOthers(ctx context.Context) {
	if !s.intake.hasOthers() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, pullGrace)
	defer cancel()
	if consumer, err := s.js.Consumer(ctx, s.in.conf.stream, s.in.conf.durable); err == nil { // else the request shows what is wrong
		s.intake.resync(consumer.CachedInfo())
	}
}

// countLoss counts, and logs, what the stream deleted before it was delivered. While
// the connection is there it makes sure that the stream still has no subjects but
// those of the consumer.
func (s *jetSession) countLoss(ctx context.Context) {
	s.counting.Lock()
	defer s.counting.Unlock()
	l := s.intake.takeLoss()
	if l.none() {
		return
	}
	var begins uint64
	if s.conn.IsConnected() && (!l.whole || len(l.filters) > 0) {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		if stream, err := s.js.Stream(ctx, s.in.conf.stream); err == nil { // else it is as it was
			l.whole = l.whole && isWhole(stream.CachedInfo().Config, l.filters)
			begins = stream.CachedInfo().State.FirstSeq
		}
	}
	s.in.lose(l)
	s.in.doubt(l, begins)
}

// doubt says what may be lost, and is not counted, of a consumer that reads a part of
// a stream that begins at a sequence.
func (in *jetInput) doubt(l loss, begins uint64) {
	gone := min(l.maybeTo, begins) - min(l.maybeFrom, begins)
	if l.whole || l.least > 0 || gone == 0 {
		return
	}
	in.log.With("stream", in.conf.stream, "durable", in.conf.durable, "from", l.maybeFrom, "to", l.maybeFrom+gone, "at_most", gone).
		Warn("JetStream may no longer have records that were not read yet: the stream begins behind where the consumer stood, and how many of its subjects were among them cannot be told")
	in.figures.Report(status.Incident{
		Class: status.ClassLost, Count: 1,
		Message: fmt.Sprintf("stream %q deleted up to %d messages behind sequence %d before they were read; which of them were of the consumer's subjects cannot be told, and none is counted", in.conf.stream, gone, l.maybeFrom),
	})
}

// lose counts and logs a loss.
func (in *jetInput) lose(l loss) {
	n, bound := l.skipped, ""
	if !l.whole {
		n, bound = l.least, fmt.Sprintf(" at least, and up to %d: the sequences in between may be of subjects that the consumer does not read", l.skipped)
	}
	if n == 0 {
		return
	}
	const cause = "deleted by the limits of the stream (max_msgs, max_bytes, max_age, max_msgs_per_subject), a purge or a deletion"
	log := in.log.With("stream", in.conf.stream, "durable", in.conf.durable, "from", l.from, "to", l.to, "records", n, "cause", cause)
	if !l.whole {
		log = log.With("at_most", l.skipped)
	}
	log.Warn("JetStream no longer has records that were not read yet")
	in.enterLoss(int64(n), //nolint:gosec // a count of messages
		fmt.Sprintf("stream %q deleted messages before they were read, between sequences %d and %d%s", in.conf.stream, l.from, l.to, bound))
}

// enterLoss counts records that nobody delivers any more, and reports them in words.
func (in *jetInput) enterLoss(n int64, words string) {
	in.figures.Lost.Add(n)
	in.figures.Publish()
	in.figures.Report(status.Incident{Class: status.ClassLost, Count: n, Message: words})
}
