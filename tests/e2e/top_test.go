package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// What /health says is what top prints, where the output is no terminal; a bridge that is
// away is an error.
func TestTopPrintsAFrame(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	address := freeAddress(t)
	b := r.start(env{"STATUS_ADDRESS": address}).ready()
	r.publish(marketdata.Ticks, 4321)
	b.until("all is stored", func(h harness.Health) bool {
		return h.Outputs["clickhouse"].Rows == 4321 && h.Metrics.Backpressure.Level == 0
	})
	text := output(t, "top", "--address", address)
	assert.Contains(t, text, "data-bridge dev on ")
	assert.Regexp(t, `(?m)^Healthy: (Data is flowing|Ready, nothing arrives), since \d\d:\d\d:\d\d, for \d`, text)
	assert.Contains(t, text, "0 of 50,000 (0%)")
	assert.Contains(t, text, "Oldest record -")
	assert.Regexp(t, `(?m)^ticks +nats +running +[\d.,]+ +4,321 +4,321 `, text)
	assert.Regexp(t, `(?m)^external +kafka +running .* 0$`, text, "its lag")
	assert.Regexp(t, `(?m)^ticks +connected +[\d.,]+ +4,321 `, text)
	assert.NotContains(t, text, "\x1b")
	assert.Equal(t, text, strings.ReplaceAll(text, r.ch.Addr(), ""), "nothing leads to a server")

	b.terminate()
	gone := startBridge(t, binary, "", nil, "top", "--once", "--address", address)
	assert.Equal(t, 1, gone.exitCode())
	assert.Contains(t, gone.Tail(5), "reading http://"+address+"/events: ")
	assert.Contains(t, gone.Tail(5), "connection refused")
	wrong := startBridge(t, binary, "", nil, "top", "--address", "ftp://"+address)
	assert.Equal(t, 2, wrong.exitCode())
	assert.Contains(t, wrong.Tail(5), "is neither http nor https")
}
