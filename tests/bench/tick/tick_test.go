package tick

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTicksAreNumberedObjectsOfTheTablesColumns(t *testing.T) {
	g, size := New(1), 0
	g.seq = 1_000_000 // the digits of a long run
	const n = 5000
	for i := range n {
		record := g.AppendNext(nil)
		size += len(record)
		var fields map[string]any
		require.NoError(t, json.Unmarshal(record, &fields), "%s", record)
		require.Len(t, fields, len(Columns))
		for _, column := range Columns {
			require.Contains(t, fields, column)
		}
		require.InDelta(t, 1_000_001+i, fields["seq"], 0)
	}
	assert.Equal(t, 1_000_000+n, g.Seq())
	assert.InDelta(t, 132, float64(size)/n, 1, "bytes a tick")
}

func TestAFrameHoldsTheSameTicksAsSingleMessages(t *testing.T) {
	single := New(3)
	lines := bytes.Split(New(3).AppendFrame(nil, 10), []byte("\n"))
	require.Len(t, lines, 10)
	for _, line := range lines {
		assert.Equal(t, string(single.AppendNext(nil)), string(line))
	}
}

func TestFixed(t *testing.T) {
	for units, want := range map[uint64]string{0: "0.0000", 5: "0.0005", 12345: "1.2345", 120000: "12.0000"} {
		assert.Equal(t, want, string(appendFixed(nil, units, 4)))
	}
}
