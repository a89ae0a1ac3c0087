//go:build long

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// ClickHouse is away for two minutes under load: what Kafka has is stored once
// and all of it, the bound holds, and the log tells it in few words.
func TestATwoMinuteOutage(t *testing.T) {
	const outage = 2 * time.Minute
	r := newRig(t, stack.KindChDB)
	b := r.start(env{"RETRY_MAX_INTERVAL": "5s", "ALERT_AFTER": "1m"}).ready()
	stopFeed := r.stream(marketdata.External, marketdata.Shape{Rate: 1000})
	b.until("rows are stored", func(h harness.Health) bool { return h.Outputs["clickhouse"].Rows > 1000 })
	stopWatch := b.watchLevel()
	before := len(b.Lines())

	r.stopClickHouse()
	b.await(logPause)
	ctx, cancel := context.WithTimeout(t.Context(), outage+patience)
	defer cancel()
	_, err := b.AwaitHealth(ctx, "rows have waited for two minutes", func(h harness.Health) bool {
		return h.Outputs["clickhouse"].RetryOldest >= outage.Seconds()
	})
	require.NoError(t, err)
	away := b.Lines()[before:]
	r.startClickHouse()
	b.await(logResume)
	published := stopFeed()
	h := r.awaitBooks(b)
	highest, _ := stopWatch()
	r.checkBooks(h)

	var told []string
	for _, line := range away {
		if !strings.Contains(line.Raw, logHeartbeat) && !strings.Contains(line.Raw, logCritical) {
			told = append(told, line.Raw)
		}
	}
	t.Logf("%d published; highest level %d; %d retries; %d lines in the log beside heartbeats and alerts:\n%s",
		published, highest, h.Outputs["clickhouse"].Retries, len(told), strings.Join(told, "\n"))
	assert.LessOrEqual(t, highest, int64(50_000))
	assert.Positive(t, h.Outputs["clickhouse"].Retries)
	assert.Less(t, len(told), 40)
}
