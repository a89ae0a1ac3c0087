package kafka

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestAnnouncements(t *testing.T) {
	at := func(o int64) kgo.EpochOffset { return kgo.EpochOffset{Epoch: -1, Offset: o} }
	for text, ends := range map[string][]int64{
		"":                            nil,
		"data-bridge/1":               nil,
		"data-bridge/1 +5 +2":         {15, 17},
		"member-6a1f":                 nil,
		"data-bridge/1 +5000 +731 +1": {5010, 5741, 5742},
	} {
		p, err := parseAnnouncement(at(10), text)
		require.NoError(t, err, text)
		require.Equal(t, ends, p.ends, text)
		if len(ends) > 0 {
			require.Equal(t, text, p.metadata())
		}
	}
	for _, text := range []string{"data-bridge/2", "data-bridge/", "data-bridge/1 +0", "data-bridge/1 -3", "data-bridge/1 x"} {
		_, err := parseAnnouncement(at(10), text)
		require.ErrorIs(t, err, errUnknownAnnouncement, text)
		require.ErrorContains(t, err, text)
	}
	none, err := parseAnnouncement(at(-1), "data-bridge/1 +5")
	require.NoError(t, err)
	require.Empty(t, none.ends)
}

// A commit that other programs have annotated announces nothing.
func TestForeignMetadataIsPassedOver(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 10)
		var offsets kadm.Offsets
		offsets.Add(kadm.Offset{Topic: topic, At: 4, LeaderEpoch: -1, Metadata: "billing"})
		require.NoError(t, c.admin.CommitAllOffsets(t.Context(), c.group(), offsets))
		k := c.consume(topic, false, once(100, 50*time.Millisecond))
		eventually(t, "the rest is delivered", func() bool { return k.total() == 6 })
		require.Equal(t, upTo(4, 10), k.got(0))
	})
}

// A commit that a later version has annotated is not guessed at.
func TestMetadataOfALaterVersionIsRefused(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 10)
		var offsets kadm.Offsets
		offsets.Add(kadm.Offset{Topic: topic, At: 4, LeaderEpoch: -1, Metadata: "data-bridge/9 x"})
		require.NoError(t, c.admin.CommitAllOffsets(t.Context(), c.group(), offsets))
		k := c.consume(topic, false, once(100, 50*time.Millisecond))
		eventually(t, "it says so", func() bool {
			err := k.in.stats.Link.State().Err
			return err != nil && errors.Is(err, errUnknownAnnouncement)
		})
		require.Zero(t, k.total())
	})
}
