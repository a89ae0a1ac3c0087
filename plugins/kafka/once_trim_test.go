package kafka

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What retention deletes of announced chunks nobody settles any more: it is counted as
// lost, and what is left is delivered, after a restart as well.
func TestRetentionTrimsAnnouncedChunks(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 150)
		c.deleteBefore(topic, 0, 100)
		var o kadm.Offsets
		o.Add(kadm.Offset{
			Topic: topic, Partition: 0, At: 0, LeaderEpoch: -1,
			Metadata: announcementMark + announcementVersion + strings.Repeat(" +1", mostAhead),
		})
		resp, err := c.admin.CommitOffsets(t.Context(), c.group(), o)
		require.NoError(t, err)
		require.NoError(t, resp.Error())

		k := c.consume(topic, false, once(10, 50*time.Millisecond))
		eventually(t, "what is left is delivered", func() bool { return k.total() == 50 })
		require.Equal(t, upTo(100, 150), k.got(0))
		require.Equal(t, 100, k.lost())
		k.close()
		require.EqualValues(t, 150, c.committed(c.group(), topic, 0))

		c.produce(topic, 0, 150, 160)
		k = c.consume(topic, false, once(10, 50*time.Millisecond))
		eventually(t, "it goes on", func() bool { return k.total() == 10 })
		require.Equal(t, upTo(150, 160), k.got(0))
		require.Zero(t, k.lost())
	})
}

// A chunk that is taken back is none of those that are ahead, and the others are
// announced as they were.
func TestAForgottenChunkChangesNoOther(t *testing.T) {
	i := newIntent()
	i.restore(announcement{base: kgo.EpochOffset{Offset: 10}, ends: []int64{20, 25, 40}})
	i.skip(25)
	require.Equal(t, "data-bridge/1 +10 +20", i.said.metadata(), "its offsets have no records")
	i.skip(20)
	require.EqualValues(t, 20, i.said.base.Offset)
	require.Equal(t, "data-bridge/1 +20", i.said.metadata())
	require.True(t, i.unsettled())
	i.skip(99)
	require.Equal(t, 1, i.ahead())
}
