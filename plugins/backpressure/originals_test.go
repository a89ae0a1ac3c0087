package backpressure

import (
	"errors"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/topology"
)

func init() {
	// The walk over a configuration takes known components only, and plugins do not
	// import each other.
	service.MustRegisterOutput("clickhouse", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.Output, int, error) {
		return nil, 1, errors.New("only its name is needed here")
	})
}

// declare says what stands behind the buffer: our output, and before it a processor
// if messages are not to be passed as they are.
func declare(tb testing.TB, res *service.Resources, originals bool) {
	tb.Helper()
	output := map[string]any{"clickhouse": map[string]any{}}
	if !originals {
		output["processors"] = []any{map[string]any{"unframe": map[string]any{}}}
	}
	stream, err := topology.New(topology.Config{"output": output}, "")
	require.NoError(tb, err)
	topology.Declare(res, stream)
}

func streamOf(tb testing.TB, originals bool) *topology.Generation {
	tb.Helper()
	res := service.MockResources()
	declare(tb, res, originals)
	return topology.Of(res)
}

// Without processors behind the buffer, what is handed out is what is kept; with
// them, what they do to it does not reach the retry.
func TestRetriesStartFromTheOriginals(t *testing.T) {
	for name, share := range map[string]bool{"copies": false, "originals": true} {
		t.Run(name, func(t *testing.T) {
			res := service.MockResources()
			declare(t, res, share)
			b, err := parse("status_server: {enabled: false}\nbatch: {count: 2}", res)
			require.NoError(t, err)
			defer b.Close(t.Context())
			sent := service.MessageBatch{service.NewMessage([]byte("1")), service.NewMessage([]byte("2"))}
			v := &verdict{}
			require.NoError(t, b.WriteBatch(t.Context(), sent, v.ack))
			got, ack, err := b.ReadBatch(t.Context())
			require.NoError(t, err)
			require.Equal(t, share, got[1] == sent[1], "the first one carries the name of the flight")
			if !share {
				got[0].SetBytes([]byte("changed"))
			}
			require.NoError(t, ack(t.Context(), errOutput))
			got, ack, err = b.ReadBatch(t.Context())
			require.NoError(t, err)
			require.Equal(t, []string{"1", "2"}, numbers(t, got))
			require.NoError(t, ack(t.Context(), nil))
			require.Equal(t, "acked", v.state())
		})
	}
}

// The allocations of a record in the buffer do not grow unnoticed: none where
// originals are passed, those of a shallow copy else.
func TestAllocationsOfARecord(t *testing.T) {
	for name, c := range map[string]struct {
		share bool
		most  float64
	}{"originals": {true, 0.05}, "copies": {false, 3.05}} {
		t.Run(name, func(t *testing.T) {
			l := newLane(t, "")
			l.stream = streamOf(t, c.share)
			perBatch := testing.AllocsPerRun(50, func() { l.pass(t) })
			require.LessOrEqual(t, perBatch/benchBatch, c.most)
		})
	}
}
