package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// Streams that share a listener share the page: one is shown, all of them are
// named with their states, and the tab shows the worst of them.
func TestPageShowsEachStream(t *testing.T) {
	t.Parallel()
	nats := stack.Shared.NATS(t)
	address, dir := freeAddress(t), t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	args := []string{"streams", "-o", file("root.yaml", "http: {address: "+freeAddress(t)+"}\nlogger: {format: json}\n")}
	for _, stream := range []string{"prices", "news"} {
		args = append(args, file(stream+".yaml", fmt.Sprintf(`
input:
  label: ticks
  pausable_nats: {urls: [%q], subjects: [pagestreams.%s]}
buffer:
  backpressure:
    heartbeat_interval: 250ms
    status_server: {address: %q, admin: {enabled: true, token: %q}}
output:
  drop: {}
`, nats.URL(), stream, address, operatorToken)))
	}
	b := startBridge(t, binary, address, env{}, args...)
	b.until("both streams are connected", func(h harness.Health) bool {
		return h.Inputs["prices.ticks"].Connected && h.Inputs["news.ticks"].Connected
	})

	p := browse(t, "http://"+address+"/")
	const names = `[...document.querySelectorAll("#streams a")].map(a => a.textContent).sort().join()`
	p.until("both streams are named", names+` === "news: healthy,prices: healthy"`)
	assert.Equal(t, "Ready, nothing arrives", eval[string](p, `document.getElementById("state").textContent`))

	odd := browse(t, "http://"+address+"/")
	eval[bool](odd, `history.replaceState(null, "", "#stream=%") === undefined`)
	require.NoError(t, chromedp.Do(odd.ctx, chromedp.Reload()))
	odd.until("an address that somebody typed does no harm", names+` === "news: healthy,prices: healthy"`)

	require.Equal(t, http.StatusOK, operate(t, address, "/inputs/ticks/pause?stream=news", operatorToken))
	p.until("the tab tells of the paused one", `document.title === "Paused – data-bridge"`)
	assert.Equal(t, "news: paused,prices: healthy", eval[string](p, names))

	choose := func(stream string) {
		require.NoError(t, chromedp.Do(p.ctx, chromedp.Click(chromedp.CSS(`#streams a[href="#stream=`+stream+`"]`))))
		p.until(stream+" is shown", `document.querySelector("#streams a[aria-current]").hash === "#stream=`+stream+`"`)
	}
	choose("news")
	assert.Equal(t, "Paused by an operator", eval[string](p, `document.getElementById("state").textContent`))
	assert.Equal(t, "ticks", eval[string](p, `document.querySelector("#pauses-rows td:nth-child(4)").textContent`))
	assert.Contains(t, eval[string](p, `document.getElementById("inputs-rows").textContent`), "by an operator")
	assert.Contains(t, eval[string](p, `document.getElementById("advice").textContent`), "/inputs/resume?stream=news")
	p.accessible()
	choose("prices")
	assert.Equal(t, "healthy", eval[string](p, pageState))
	assert.Contains(t, eval[string](p, `document.getElementById("pauses-sum").textContent`), "None")

	const changes = `{"enabled": false, "pause_threshold": "60%", "resume_threshold": 20000}`
	assert.Equal(t, http.StatusBadRequest, operateWith(t, address, "/backpressure", operatorToken, changes), "of which stream?")
	require.Equal(t, http.StatusOK, operateWith(t, address, "/backpressure?stream=prices", operatorToken, changes))
	p.until("it is said that pausing is off", `document.body.innerText.includes("Pausing is switched off (enabled: false) by an operator, until the stream stops")`)
	assert.Contains(t, eval[string](p, `document.body.innerText`), "pause_threshold is 30,000, configured is 40,000.")
	assert.Contains(t, eval[string](p, `document.getElementById("advice").textContent`), `/backpressure?stream=prices' -d '{"enabled":false}'`)
	p.accessible()
	choose("news")
	assert.NotContains(t, eval[string](p, `document.body.innerText`), "Pausing is switched off", "that is the other one")
	choose("prices")
	require.Equal(t, http.StatusOK, operate(t, address, "/backpressure/reset?stream=prices", operatorToken))
	p.until("it is as configured again", `!document.body.innerText.includes("switched off") && !document.body.innerText.includes("configured is")`)

	require.Equal(t, http.StatusOK, operate(t, address, "/inputs/ticks/resume?stream=news", operatorToken))
	p.until("all is well", `document.title === "Healthy – data-bridge"`)

	b.terminate() // a page that is open does not hold the end up
	assert.Zero(t, b.exitCode())
	p.until("the page notices", pageState+` === "disconnected"`)
}
