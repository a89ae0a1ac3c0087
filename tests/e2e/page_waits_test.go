package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// What waits for somebody, what a processor failed at, and what became of alerts is on
// the page, and in top under the same names.
func TestPageShowsWhatWaitsAndWasTold(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	nats := stack.Shared.NATS(t)
	address := freeAddress(t)
	config := written(t, "waits.yaml", fmt.Sprintf(`
http: {address: %q}
input:
  label: jobs
  pausable_nats: {urls: [%q], subjects: [%s.waits]}
pipeline:
  processors:
    - mapping: 'root = if this.bad.or(false) { throw("geheim") } else { this.without("bad") }'
    - mapping: 'meta table = this.table.or(deleted())'
buffer:
  backpressure:
    heartbeat_interval: 250ms
    alert_interval: 100ms
    alerts: {http_client: {url: "http://127.0.0.1:1/", retries: 0}}
    batch: {period: 50ms}
    status_server: {address: %q}
output:
  label: store
  clickhouse:
    addresses: [%q]
    protocol: %s
    database: market
    username: %q
    password: %q
    table: ${! @table }
    max_dead_letter_share: 0.9
    dead_letter: {drop: {}}
`, freeAddress(t), nats.URL(), r.id, address, r.ch.Addr(), r.ch.Protocol(), r.ch.User(), r.ch.Password()))
	b := startBridge(t, binary, address, env{}, "run", config)
	b.until("it is connected", func(h harness.Health) bool { return h.Inputs["jobs"].Connected && h.Outputs["store"].Connected })
	p := browse(t, "http://"+address+"/")
	p.until("alerts are asked for, and there was none", tile("Alerts sent")+` === "0"`)
	assert.Equal(t, "none", eval[string](p, more("Waiting rows")))

	publishTo(t, nats, r.id+".waits", `{"bad": true, "table": "ticks"}`)
	p.until("a processor failed", more("Dead letters")+`.includes("failed in a processor")`)
	p.until("the alert of it is lost", `/[1-9]\d* lost/.test(`+more("Alerts sent")+`)`)
	p.accessible()
	assert.NotContains(t, eval[string](p, `document.getElementById("tiles").innerText`), "geheim")

	publishTo(t, nats, r.id+".waits", `{"table": "there_is_none"}`)
	p.until("rows wait for a table", `/^1 to be tried again/.test(`+more("Waiting rows")+`)`)
	p.until("it is in the row of the table", cell("tables-rows", "there_is_none", "Retry rows")+` === "1"`)
	text := output(t, "top", "--address", address)
	assert.Contains(t, text, "Retry rows 1 ")
	assert.Regexp(t, `Processor errors [1-9]`, text)
	assert.Regexp(t, `Alerts sent 0, waiting \d+, lost [1-9]`, text)
	assert.Regexp(t, `(?m)^there_is_none +retrying, attempt \d+ `, text)
	p.look(360, 740)
	p.until("nothing is wider than a phone", `document.documentElement.scrollWidth <= 360`)
	p.accessible()
}

// more is an expression for what the tile of that name says below its figure.
func more(name string) string {
	return `([...document.querySelectorAll("#tiles > div")].find(d => d.firstChild.textContent === "` + name + `")?.children[2].textContent ?? "")`
}

func publishTo(t *testing.T, nats *stack.NATS, subject, record string) {
	t.Helper()
	conn, err := nats.Connect()
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.Publish(subject, []byte(record)))
	require.NoError(t, conn.FlushWithContext(within(t)))
}
