package replay

import (
	"io"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/stretchr/testify/require"
)

// A record that a processor had failed at is not sent as it is: the output would store
// it with defaults, and say that all is well.
func TestWhatAProcessorHadFailedAtNeedsAMapping(t *testing.T) {
	failed := `{"table":"ticks","error":"a processor failed: no number","reason":"processor_error","record":"{\"raw\":\"1\"}"}` + "\n"
	file := strings.NewReader(failed + `{"table":"ticks","error":"out of range","record":"{\"id\":1}"}` + "\n")
	var notes []error
	read := func(to int, mapping *bloblang.Executor) *portion {
		p, err := newReader(file, "letters", 0, int64(to), mapping, func(err error) { notes = append(notes, err) }).next(10)
		require.ErrorIs(t, err, io.EOF)
		return p
	}
	p := read(file.Len(), nil)
	require.Equal(t, failed, string(p.left))
	require.Equal(t, []error{errUnmapped}, notes)
	require.Len(t, p.batch, 1)

	mapping, err := bloblang.Parse(`root.price = this.raw.number()`)
	require.NoError(t, err)
	p = read(len(failed), mapping)
	require.Empty(t, p.left)
	require.Len(t, p.batch, 1)
	body, err := p.batch[0].AsBytes()
	require.NoError(t, err)
	require.JSONEq(t, `{"price":1}`, string(body))
}
