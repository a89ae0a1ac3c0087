package frame

import (
	"bytes"
	"context"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// FuzzFrame puts any records into one message, newlines in them included: they are found
// again as they were, also by unframe, and what a processor makes of the body is no frame.
func FuzzFrame(f *testing.F) {
	f.Add([]byte("a|b|c"), byte('|'), 10)
	f.Add([]byte("\n\n|\n||"), byte('|'), 0)
	f.Add([]byte(""), byte('x'), 1)
	f.Fuzz(func(t *testing.T, text []byte, cut byte, size int) {
		records := bytes.Split(text, []byte{cut})
		b := NewBuilder(len(records), size&0xffff)
		for _, r := range records {
			require.True(t, bytes.Equal(r, b.Add(r)))
		}
		m := b.Message(context.Background(), service.NewMessage(nil))
		fr := Of(m)
		if len(records) == 1 {
			require.Nil(t, fr)
			body, err := m.AsBytes()
			require.NoError(t, err)
			require.True(t, bytes.Equal(records[0], body))
			return
		}
		require.NotNil(t, fr)
		require.Equal(t, len(records), fr.Len())
		for i, r := range records {
			require.True(t, bytes.Equal(r, fr.Record(i)), "%d of %q", i, records)
		}
		parted, err := unframe{}.Process(context.Background(), m)
		require.NoError(t, err)
		require.Len(t, parted, len(records))
		for i, one := range parted {
			body, err := one.AsBytes()
			require.NoError(t, err)
			require.True(t, bytes.Equal(records[i], body))
			require.Nil(t, Of(one))
		}
		changed := m.Copy()
		changed.SetBytes(bytes.Clone(text))
		require.Nil(t, Of(changed))
	})
}
