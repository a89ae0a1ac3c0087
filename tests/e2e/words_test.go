package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// agreed are the lines of the log that are an interface, from the first letter to the
// last: words, spaces and the forms of numbers.
var agreed = []string{
	`✅ DATA BRIDGE STARTED - HYBRID PHASE 1 \+ RETRY QUEUE \+ BACKPRESSURE`,
	`⚡ Backpressure: ENABLED`,
	`   └─ Pause threshold: 40,000 messages \(80%\)`,
	`   └─ Resume threshold: 20,000 messages \(40%\)`,
	`⚠️  BACKPRESSURE ACTIVE: Buffer high \(` + number + `/50,000\), pausing data ingestion \(CH: ` + number + `, Ext: ` + number + `\)`,
	`⏸️  NATS subscriber paused`,
	`⏸️  Kafka subscriber paused`,
	`✅ BACKPRESSURE RELEASED: Buffer normal \(` + number + `/50,000\), resuming data ingestion \(CH: ` + number + `, Ext: ` + number + `\)`,
	`▶️  NATS subscriber resumed`,
	`▶️  Kafka subscriber resumed`,
	`🔴 CRITICAL: Backpressure active for \d+\.\d minutes! ClickHouse write bottleneck detected\. Current buffer: ` + number,
	`🛑 Stopping Data Bridge\.\.\.`,
	`▶️  Resuming paused subscribers before shutdown\.\.\.`,
	`📊 Stopping heartbeat logger\.\.\.`,
	`💾 Flushing buffered data\.\.\.`,
	`✅ Data Bridge stopped gracefully`,
}

// One life with everything in it: a pause that is alerted, its end, and a stop in the
// middle of the next one. Every line with one of the agreed signs is one of the agreed
// lines, and each of those is there.
func TestAgreedLinesOfTheLog(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	b := r.start(env{"ALERT_AFTER": "500ms"}).ready()
	r.stall()
	r.publish(marketdata.Ticks, 41_000)
	b.await(logCritical)
	r.unstall()
	b.await(logResume)
	b.levelIs(0)
	r.stall()
	r.publish(marketdata.Ticks, 41_000)
	b.awaitNth(logPause, 2)
	b.terminate()
	b.await("🛑")
	r.unstall()
	assert.Zero(t, b.exitCode())

	seen := make([]bool, len(agreed))
	for _, l := range b.Lines() {
		if !strings.ContainsAny(l.Message, "✅⚡└⚠⏸▶🔴🛑📊💾") {
			continue
		}
		known := false
		for i, form := range agreed {
			if regexp.MustCompile(`^` + form + `$`).MatchString(l.Message) {
				known, seen[i] = true, true
			}
		}
		assert.True(t, known, "%q is not one of the agreed lines", l.Message)
	}
	for i, form := range agreed {
		assert.True(t, seen[i], "no line %s", form)
	}
}
