package kafka

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// FuzzAnnouncement reads whatever another member, or another program, has committed: it is
// an error, or ascending ends behind the base, which say the same when they are written.
func FuzzAnnouncement(f *testing.F) {
	for _, text := range []string{
		"", "data-bridge/1", "data-bridge/1 +5000 +731", "data-bridge/1 +9223372036854775807 +1", "data-bridge/1 +0", "data-bridge/1 -5", "data-bridge/2 +5",
		"data-bridge/1\t+5\n7", "data-bridge/", "data-bridge", "consumer-metadata", "data-bridge/1 +5_000",
	} {
		f.Add(int64(0), text)
		f.Add(int64(1<<40), text)
		f.Add(int64(-1), text)
	}
	f.Fuzz(func(t *testing.T, base int64, text string) {
		a, err := parseAnnouncement(kgo.EpochOffset{Epoch: -1, Offset: base}, text)
		require.Equal(t, base, a.base.Offset)
		require.LessOrEqual(t, len(a.ends), len(text))
		if err != nil {
			require.ErrorIs(t, err, errUnknownAnnouncement)
			return
		}
		require.True(t, slices.IsSorted(append([]int64{base}, a.ends...)), "%d: %q: %v", base, text, a.ends)
		if len(a.ends) > 0 {
			require.Greater(t, a.ends[0], base)
			require.True(t, strings.HasPrefix(text, announcementMark))
		}
		again, err := parseAnnouncement(a.base, a.metadata())
		require.NoError(t, err)
		require.Equal(t, a.base, again.base)
		require.True(t, slices.Equal(a.ends, again.ends))
	})
}
