package kafka

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Members come and go in good order: every chunk is delivered once.
func TestChurnExactlyOnce(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		newChurn(t, c, more+"\nexactly_once: true").run(10)
	})
}

func overlaps(a, b extent) bool {
	return a.source == b.source && a.first <= b.last && b.first <= a.last
}

// Members vanish with chunks in flight: whoever delivers a record again does so
// as a part of the very same chunk.
func TestTakenOverChunksAreTheSame(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		topic := c.topic(4)
		var all []extent
		sent := 0
		for round := range 6 {
			for p := range int32(4) {
				c.produce(topic, p, sent, sent+50)
			}
			sent += 50
			k := c.consume(topic, true, more+"\n"+once(5+round*3, 5*time.Millisecond))
			eventually(t, "some chunks are delivered", func() bool { return len(k.chunks()) >= 8 })
			for i, ack := range k.heldAcks() {
				if i%3 == 0 {
					require.NoError(t, ack(context.Background(), nil))
				}
			}
			k.close()
			all = append(all, k.chunks()...)
		}
		last := c.consume(topic, false, more+"\n"+once(1000, 5*time.Millisecond))
		eventually(t, "all is committed", func() bool {
			for p := range int32(4) {
				if c.committed(c.group(), topic, p) != int64(sent) {
					return false
				}
			}
			return true
		})
		all = append(all, last.chunks()...)
		repeated := 0
		for i, a := range all {
			for _, b := range all[:i] {
				if overlaps(a, b) {
					require.Equal(t, b, a)
					repeated++
				}
			}
		}
		require.Positive(t, repeated)
		slices.SortFunc(all, func(a, b extent) int { return int(a.first - b.first) })
		next := map[string]int64{}
		for _, e := range all { // without a gap
			require.LessOrEqual(t, e.first, next[e.source])
			next[e.source] = max(next[e.source], e.last+1)
		}
		require.Len(t, next, 4)
	})
}
