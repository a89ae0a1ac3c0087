package replay

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/stretchr/testify/require"
)

// A record that a processor had failed at is not sent as it is: the output would store
// it with defaults, and say that all is well.
func TestWhatAProcessorHadFailedAtNeedsAMapping(t *testing.T) {
	r := &run{}
	var p portion
	failed := `{"table":"ticks","error":"a processor failed: no number","reason":"processor_error","record":"{\"raw\":\"1\"}"}`
	r.take(&p, []byte(failed))
	r.take(&p, []byte(`{"table":"ticks","error":"out of range","record":"{\"id\":1}"}`))
	require.Equal(t, failed+"\n", string(p.left))
	require.Equal(t, []string{errUnmapped.Error()}, r.notes)
	require.Len(t, p.batch, 1)

	var err error
	r.mapping, err = bloblang.Parse(`root.price = this.raw.number()`)
	require.NoError(t, err)
	p = portion{}
	r.take(&p, []byte(failed))
	require.Empty(t, p.left)
	require.Len(t, p.batch, 1)
	body, err := p.batch[0].AsBytes()
	require.NoError(t, err)
	require.JSONEq(t, `{"price":1}`, string(body))
}
