package backpressure

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/logtest"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// newJSONRig is a rig whose log is JSON, fields and all.
func newJSONRig(t *testing.T, yaml string) (*rig, *logtest.Text) {
	t.Helper()
	log := &logtest.Text{}
	res := service.MockResources(service.MockResourcesOptUseLogger(service.NewLoggerFromSlog(slog.New(slog.NewJSONHandler(log, nil)))))
	b, err := parse(yaml+"\nstatus_server: {enabled: false}", res)
	require.NoError(t, err)
	return &rig{buffer: b, res: res}, log
}

// entries are the fields of those records of a log whose words begin so.
func entries(t *testing.T, log *logtest.Text, words string) (all []map[string]string) {
	t.Helper()
	for line := range strings.Lines(log.String()) {
		fields := map[string]string{}
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		if strings.HasPrefix(fields["msg"], words) {
			delete(fields, "msg")
			delete(fields, "level")
			all = append(all, fields)
		}
	}
	return all
}

// Beside the words that operators grep for, the figures are fields.
func TestFieldsOfAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := newJSONRig(t, small+"alert_after: 7s")
		r.board.Output("clickhouse").Table("ticks").SetQueue(status.Queue{Batches: 1, Err: "retry: connection refused"})
		r.write(t, "ticks", 0, 9)
		time.Sleep(11 * time.Second)
		for r.control.Level() > 0 {
			r.settleNext(t)
		}
		require.NoError(t, r.Close(t.Context()))
		assert.Equal(t, []map[string]string{{
			"time": "2000-01-01T00:00:00Z", "reason": "level", "current_buffer": "9", "current_bytes": "9",
		}}, entries(t, log, "⚠️  BACKPRESSURE ACTIVE"))
		assert.Equal(t, []map[string]string{{
			"time": "2000-01-01T00:00:10Z", "severity": "critical", "reason": "level", "current_buffer": "9", "current_bytes": "9",
			"duration": "10s", "cause": "retry: connection refused",
		}}, entries(t, log, "🔴 CRITICAL"))
		released := entries(t, log, "✅ BACKPRESSURE RELEASED")
		require.Len(t, released, 1)
		assert.Equal(t, "11s", released[0]["duration"])
		assert.Equal(t, "level", released[0]["reason"])
	})
}

// An output that rejects again and again does not fill the log.
func TestRejectionsAreLoggedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := newJSONRig(t, "batch: {count: 1, period: 500ms}")
		r.write(t, "ticks", 0, 3) // three batches
		for range 3 {
			_, ack := r.read(t)
			require.NoError(t, ack(t.Context(), errors.New("no")))
		}
		time.Sleep(6 * time.Second)
		_, ack := r.read(t)
		require.NoError(t, ack(t.Context(), errors.New("no")))
		require.NoError(t, r.Close(t.Context()))
		told := entries(t, log, "The output rejected a batch")
		require.Len(t, told, 2)
		assert.Equal(t, "0", told[0]["repeats"])
		assert.Equal(t, "2", told[1]["repeats"], "what was left out is counted")
	})
}
