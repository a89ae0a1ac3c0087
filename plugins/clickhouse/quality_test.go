package clickhouse

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheShareOfBadRows(t *testing.T) {
	q := &quality{most: 0.5}
	require.NoError(t, q.judge(0, 99), "a few bad rows say nothing")
	require.NoError(t, q.judge(100, 100), "half is not above half")
	require.ErrorIs(t, q.judge(99, 100), errTooManyBad)
	require.ErrorIs(t, q.judge(5, 10), errTooManyBad, "while it waits, less is enough")
	q.settled(1000, 1)
	require.NoError(t, q.judge(0, 500), "rows that were settled count")
	require.ErrorIs(t, q.judge(0, 1100), errTooManyBad)

	small := &quality{most: 0.5}
	for range 9 { // small batches add up
		require.NoError(t, small.judge(0, 11))
		small.settled(0, 11)
	}
	require.ErrorIs(t, small.judge(0, 11), errTooManyBad)
	small.settled(50_000, 0)
	require.NoError(t, small.judge(0, 100), "what was long ago counts less and less")

	off := &quality{most: 1}
	require.NoError(t, off.judge(0, 1_000_000))
	require.NoError(t, off.judgeSample(sampleRows))
	require.NoError(t, q.judgeSample(sampleBad-1))
	require.ErrorIs(t, q.judgeSample(sampleBad), errTooManyBad)
}
