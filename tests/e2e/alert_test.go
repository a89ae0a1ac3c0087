package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

var criticalLine = regexp.MustCompile(`^🔴 CRITICAL: Backpressure active for \d+\.\d minutes! ClickHouse write bottleneck detected\. Current buffer: ` + number + `$`)

// Acceptance 5: a pause over alert_after is alerted at every heartbeat and makes
// the bridge unhealthy, until it is over.
func TestAPauseThatLastsIsAlerted(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	b := r.start(env{"ALERT_AFTER": "2s", "HEARTBEAT_INTERVAL": "1s"}).ready()
	assert.Equal(t, http.StatusOK, b.health().Code)
	r.stall()
	r.publish(marketdata.Ticks, 41_000)
	b.await(logPause)
	b.awaitNth(logCritical, 3)

	h := b.until("it is unhealthy", func(h harness.Health) bool { return h.Code == http.StatusServiceUnavailable })
	assert.Equal(t, "unhealthy", h.Status)
	assert.Contains(t, strings.Join(h.Reasons, "; "), "longer than alert_after (2s): ClickHouse write bottleneck")

	r.unstall()
	b.await(logResume)
	h = b.until("it is healthy again", func(h harness.Health) bool { return h.Code == http.StatusOK })
	assert.Equal(t, "healthy", h.Status)
	assert.Empty(t, h.Reasons)
	b.beats(2)
	alerts(t, b.Lines())
}

// alerts expects one critical line behind every heartbeat from the first alert
// to the resume, and none outside. The pause may end between the two.
func alerts(t *testing.T, lines []harness.Line) {
	t.Helper()
	var story strings.Builder
	for _, l := range lines {
		switch {
		case strings.Contains(l.Message, logHeartbeat):
			story.WriteString("h")
		case strings.Contains(l.Message, logCritical):
			story.WriteString("c")
			assert.Regexp(t, criticalLine, l.Message)
			assert.Equal(t, "error", l.Level)
		case strings.Contains(l.Message, logPause):
			story.WriteString("P")
			assert.Contains(t, []string{"warning", "warn"}, l.Level)
		case strings.Contains(l.Message, logResume):
			story.WriteString("R")
		}
	}
	assert.Regexp(t, `^h*Ph*(hc){3,}h?Rh{2,}$`, story.String())
}
