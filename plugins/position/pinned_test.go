package position_test

import (
	"context"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/position"
)

// A pinned record keeps its position through processors, and belongs to no whole.
func TestAPinnedRecordKeepsItsPositionAndIsNoPartOfAWhole(t *testing.T) {
	type key struct{}
	run := position.Pin(context.WithValue(t.Context(), key{}, 1), "dead_letter/x")
	offset := int64(17)
	ctx := run.Add(4096, position.Origin{Source: "market[3]", Offset: &offset})
	m := service.NewMessageWithContext(context.WithValue(ctx, key{}, 2), []byte("a")).Copy()
	m.SetBytes([]byte("rewritten"))
	var f position.Finder
	source, at, ok := find(t, &f, m)
	require.True(t, ok)
	assert.Equal(t, "dead_letter/x", source)
	assert.EqualValues(t, 4096, at)
	assert.Equal(t, "dead_letter/x", position.SourceOf(m.Context()))
	assert.Nil(t, position.SealOf(m.Context()))
	origin, ok := position.OriginOf(m.Context())
	require.True(t, ok)
	assert.Equal(t, "market[3]", origin.Source)
	assert.EqualValues(t, 17, *origin.Offset)

	sealed := position.Seal(t.Context(), "kafka/t/0", 1)
	_, ok = position.OriginOf(sealed.Add(1))
	assert.False(t, ok)
	assert.Same(t, sealed, position.SealOf(sealed.Add(2)))
}
