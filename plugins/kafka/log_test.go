package kafka

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/logtest"
)

// journal collects log records.
type journal struct{ logtest.Text }

// entries are the records so far, at info and above.
func (j *journal) entries(t *testing.T) (out []map[string]any) {
	t.Helper()
	for d := json.NewDecoder(strings.NewReader(j.String())); d.More(); {
		e := map[string]any{}
		require.NoError(t, d.Decode(&e))
		out = append(out, e)
	}
	return out
}

func TestLogLines(t *testing.T) {
	c := newCluster(t, fakeBrokers(t, kfake.NumBrokers(1)))
	topic := c.topic(2)
	var j journal
	res := service.MockResources(service.MockResourcesOptUseLogger(service.NewLoggerFromSlog(slog.New(slog.NewJSONHandler(&j, nil)))))
	conf, err := spec().ParseYAML(c.config(topic, ""), nil)
	require.NoError(t, err)
	in, err := newFromConfig(conf, res)
	require.NoError(t, err)
	require.NoError(t, in.Connect(t.Context()))
	k := &consumer{in: bare(in)}
	eventually(t, "the partitions are assigned", func() bool { return len(k.owned()) == 2 })

	g := gate.Of(res, "")
	g.Hold(gate.ReasonOperator)
	g.Release(gate.ReasonOperator)
	g.Hold(gate.ReasonOperator)
	g.Drain() // resumes first
	require.NoError(t, in.Close(t.Context()))

	var got []string
	for _, e := range j.entries(t) {
		require.Equal(t, "INFO", e["level"], e)
		require.Equal(t, c.group(), e["consumer_group"])
		got = append(got, e["msg"].(string))
		if len(got) > 1 {
			require.Equal(t, "2", e["partitions"])
		}
	}
	require.Equal(t, []string{
		"no backpressure buffer in this stream: this input never pauses",
		"⏸️  Kafka subscriber paused",
		"▶️  Kafka subscriber resumed",
		"⏸️  Kafka subscriber paused",
		"▶️  Kafka subscriber resumed",
	}, got)
}

func TestAGovernedInputSaysNothingAtStart(t *testing.T) {
	c := newCluster(t, fakeBrokers(t, kfake.NumBrokers(1)))
	var j journal
	res := service.MockResources(service.MockResourcesOptUseLogger(service.NewLoggerFromSlog(slog.New(slog.NewJSONHandler(&j, nil)))))
	gate.Of(res, "").Claim()
	conf, err := spec().ParseYAML(c.config(c.topic(1), ""), nil)
	require.NoError(t, err)
	in, err := newFromConfig(conf, res)
	require.NoError(t, err)
	require.NoError(t, in.Connect(t.Context()))
	require.NoError(t, in.Close(t.Context()))
	require.Empty(t, j.entries(t))
}
