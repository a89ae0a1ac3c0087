package column

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A part of a mixed block names, or leaves out, a column that all its rows have, or
// none, as that of any block does.
func TestPresence(t *testing.T) {
	s := NewSchema("t", []Spec{{Name: "id", Type: "UInt8"}, {Name: "a", Type: "UInt8", HasDefault: true}, {Name: "b", Type: "UInt8", HasDefault: true}})
	b, err := NewBlock(s, Rules{})
	require.NoError(t, err)
	presence := func(from, to int) (all [3]Presence) {
		for i := range all {
			all[i] = Part{Block: b, From: from, To: to}.Presence(i)
		}
		return all
	}
	b.Absent[2] = true
	require.Equal(t, [3]Presence{EveryRow, EveryRow, NoRow}, presence(0, 0))
	require.False(t, Part{Block: b}.Varies())

	b.Mix()
	require.True(t, b.Mixed())
	size := b.Size()
	for i, missing := range [][]bool{{false, true, false}, {false, true, false}, {false, false, false}, {false, false, true}} {
		for _, c := range b.Columns {
			c.Zero()
		}
		b.Rows = append(b.Rows, i)
		b.Lack(missing)
	}
	require.Equal(t, [3]Presence{EveryRow, SomeRows, SomeRows}, presence(0, 4))
	require.Equal(t, [3]Presence{EveryRow, NoRow, EveryRow}, presence(0, 2))
	require.Equal(t, [3]Presence{EveryRow, SomeRows, EveryRow}, presence(1, 3))
	require.Equal(t, [3]Presence{EveryRow, EveryRow, NoRow}, presence(3, 4))
	require.True(t, Part{Block: b, To: 4}.Varies())
	require.False(t, Part{Block: b, From: 1, To: 2}.Varies())
	require.Greater(t, b.Size(), size+2*4, "what it lacks is counted")

	b.Reset()
	require.False(t, b.Mixed())
	require.Equal(t, [3]Presence{EveryRow, EveryRow, EveryRow}, presence(0, 0))
}
