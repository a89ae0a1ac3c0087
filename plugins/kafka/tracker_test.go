package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// naive is the tracker as one would write it without a thought for speed.
type naive struct {
	next    []int64
	settled []bool
	done    int // spans behind the checkpoint
}

func (n *naive) checkpoint() (int64, bool) {
	before := n.done
	for n.done < len(n.settled) && n.settled[n.done] {
		n.done++
	}
	if n.done == before {
		return 0, false
	}
	return n.next[n.done-1], true
}

func TestTrackerAgreesWithTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			live  tracker
			model naive
			end   int64
		)
		t.Repeat(map[string]func(*rapid.T){
			"track": func(t *rapid.T) {
				end += rapid.Int64Range(1, 1000).Draw(t, "length, gaps included")
				require.EqualValues(t, len(model.next), live.track(kgo.EpochOffset{Offset: end}))
				model.next, model.settled = append(model.next, end), append(model.settled, false)
			},
			"settle": func(t *rapid.T) {
				if len(model.next) == 0 {
					t.Skip("nothing tracked")
				}
				i := rapid.IntRange(0, len(model.next)-1).Draw(t, "ticket, possibly settled before")
				model.settled[i] = true
				want, moved := model.checkpoint()
				got, ok := live.settle(uint64(i))
				require.Equal(t, moved, ok)
				require.Equal(t, want, got.Offset)
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(model.next)-model.done, live.open())
			},
		})
	})
}

func TestTrackerKeepsTheEpoch(t *testing.T) {
	var tr tracker
	ticket := tr.track(kgo.EpochOffset{Epoch: 7, Offset: 10})
	got, moved := tr.settle(ticket)
	require.True(t, moved)
	require.Equal(t, kgo.EpochOffset{Epoch: 7, Offset: 10}, got)
}

func TestTrackerIgnoresTicketsItNeverGave(t *testing.T) {
	var tr tracker
	_, moved := tr.settle(3)
	require.False(t, moved)
}

// A long-lived consumer must not grow with what it has settled.
func TestTrackerMemoryFollowsWhatIsOpen(t *testing.T) {
	var tr tracker
	last := tr.track(kgo.EpochOffset{Offset: 1})
	for i := range int64(100_000) {
		next := tr.track(kgo.EpochOffset{Offset: i + 2})
		tr.settle(last)
		last = next
	}
	require.Equal(t, 1, tr.open())
	require.LessOrEqual(t, cap(tr.spans), 16)
}

// Behind a rejected span nothing is kept, however much is handed out; before it the
// checkpoint moves on.
func TestSpansBehindARejectedOneAreForgotten(t *testing.T) {
	var tr tracker
	at := func(n int64) kgo.EpochOffset { return kgo.EpochOffset{Offset: n} }
	first, second, third := tr.track(at(10)), tr.track(at(20)), tr.track(at(30))
	tr.reject(second)
	for n := range int64(1000) {
		_, moved := tr.settle(tr.track(at(40 + n)))
		require.False(t, moved)
	}
	require.LessOrEqual(t, len(tr.spans), 2)
	_, moved := tr.settle(third)
	require.False(t, moved)
	checkpoint, moved := tr.settle(first)
	require.True(t, moved)
	require.EqualValues(t, 10, checkpoint.Offset)
	require.Equal(t, 1, tr.open(), "the rejected one")
}
