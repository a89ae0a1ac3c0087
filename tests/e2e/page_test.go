package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

const (
	pageState  = `document.documentElement.dataset.state`
	pageBadges = `[...document.querySelectorAll("#inputs-rows .badge")].map(b => b.textContent).join()`
)

// The live page in a real browser: it shows that data flows, that a pause comes
// and goes, what did not fit, and that the bridge is gone and back, without
// being loaded again.
func TestPage(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	wire, err := stack.Proxy(r.ch.Addr())
	require.NoError(t, err)
	t.Cleanup(wire.Close)
	r.env["CLICKHOUSE_ADDRESSES"] = wire.Addr()
	address := freeAddress(t)
	b := r.start(env{"STATUS_ADDRESS": address}).ready()
	p := browse(t, "http://"+address+"/")
	eval[bool](p, `window.loadedOnce = true`)

	flowing := r.flow()
	p.seesFlow()
	p.seesFigures()
	p.seesShares()
	p.seesConfig(r)
	p.readsWell()
	flowing()

	r.stall()
	r.publish(marketdata.External, 3000)
	r.publish(marketdata.Ticks, 30_000)
	r.publish(marketdata.Candles, 20_000)
	b.await(logPause)
	p.seesPause()
	p.until("the oldest record ages", `parseInt(`+tile("Oldest record")+`) >= 2`)
	p.until("it does in the chart", `/^Highest \d/.test(document.getElementById("oldest-words").textContent)`)
	p.until("Kafka holds what is not stored", `parseInt([...document.querySelectorAll("#lag-legend .key")].find(k => !k.hidden).querySelector("b").textContent.replaceAll(",", "")) >= 3000`)
	p.until("the insert is not answered", `document.getElementById("tables-rows").textContent.includes("No answer")`)
	p.until("the output does not look well either", `document.getElementById("flow-outputs").textContent.includes("No answer")`)
	late := browse(t, "http://"+address+"/")
	late.until("who comes later sees how long it has been", `/Nothing has been stored for \d+ (s|min)/.test(document.body.innerText)`)
	assert.NotContains(t, eval[string](late, `document.getElementById("advice").innerText`), "/inputs/", "nobody may operate inputs here")
	r.unstall()
	p.seesResume()

	b.levelIs(0)
	for !p.seesYielding(r, b) {
		t.Log("it was over before the page was looked at")
	}

	r.sendUnfit()
	p.seesDeadLetter()

	wire.Down()
	r.publish(marketdata.Ticks, 100)
	p.seesRetries()
	require.NoError(t, wire.Up())
	p.until("nothing waits", `!document.getElementById("tables-rows").textContent.includes("Retrying")`)

	b.kill()
	p.seesLoss()
	r.start(env{"STATUS_ADDRESS": address}).ready()
	p.seesReturn()
}

// flow publishes all kinds at a walking pace, for pictures for a minute.
func (r *rig) flow() (stop func()) {
	var stops []func() int64
	for _, kind := range marketdata.Kinds() {
		stops = append(stops, r.stream(kind, marketdata.Shape{Rate: 400}))
	}
	if *screenshots {
		time.Sleep(time.Minute)
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}

// sendUnfit publishes one record that does not fit its table.
func (r *rig) sendUnfit() {
	r.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Addr()))
	require.NoError(r.t, err)
	r.t.Cleanup(client.Close)
	record := r.feed(marketdata.External).gen.AppendNext(nil)
	_, rest, found := strings.Cut(string(record), `"seq":`)
	require.True(r.t, found)
	_, rest, _ = strings.Cut(rest, ",")
	unfit := &kgo.Record{Topic: r.topic(), Value: []byte(`{"seq":"geheim",` + rest)}
	require.NoError(r.t, client.ProduceSync(within(r.t), unfit).FirstErr())
}

func (b *browser) seesFlow() {
	b.t.Helper()
	b.until("data flows", `document.getElementById("state").textContent === "Data is flowing"`)
	b.until("the inputs run", pageBadges+` === "Running,Running,Running"`)
	b.until("all tables store", `document.querySelectorAll("#tables-rows tr").length === 3`)
	assert.Equal(b.t, "healthy", eval[string](b, pageState))
	assert.Equal(b.t, "Healthy – data-bridge", eval[string](b, `document.title`))
	assert.Equal(b.t, "page/icon-healthy.svg", eval[string](b, `document.querySelector("link[rel=icon]").getAttribute("href")`))
	assert.Contains(b.t, eval[string](b, `document.getElementById("pauses-sum").textContent`), "None")
	b.until("the charts have samples", `document.querySelectorAll("#level-chart canvas").length === 1 && document.querySelector("#rate-legend b").textContent !== ""`)
}

// seesShares expects how much of its topic an input reads, and how it stands with its group.
func (b *browser) seesShares() {
	b.t.Helper()
	b.until("the partitions of Kafka's input are told", `/Kafka, \d+ partitions?$/.test([...document.querySelectorAll("#inputs-rows tr")].find(r => r.firstChild.textContent.startsWith("external"))?.firstChild.textContent)`)
	eval[any](b, `import("/page/gauge.js").then(({ inputState }) => {
		window.states = ["joining", "rebalancing", "member"].map((group) => {
			const cell = document.createElement("td");
			inputState({ connected: true, paused: false, group }).node(cell);
			return cell.textContent;
		}).join("|");
	}) && 0`)
	b.until("the states of a member are told", `/^Joining.*\|Rebalancing.*\|Running$/.test(window.states)`)
}

// readsWell checks the page for those who use the keyboard, a screen reader or a
// phone.
func (b *browser) readsWell() {
	b.t.Helper()
	b.shoot("page-running.png", chromedp.CaptureScreenshot())
	b.accessible()
	b.keyboard()
	for _, width := range []int64{1120, 870} {
		b.look(width, 740)
		b.until(fmt.Sprint("nothing is wider than a window of ", width), `document.documentElement.scrollWidth <= window.innerWidth`)
	}
	b.look(360, 740)
	b.until("nothing is wider than a phone", `document.documentElement.scrollWidth <= 360`)
	b.accessible()
	b.look(360, 1240)
	b.shoot("page-phone.png", chromedp.CaptureScreenshot())
	b.look(1280, 1060)
}

// keyboard goes through the page by the tabulator: everything that can be
// operated is reached, in the order of the page, and is seen to have the focus.
func (b *browser) keyboard() {
	b.t.Helper()
	eval[bool](b, `window.inOrder = [...document.querySelectorAll("a[href], button, summary, [tabindex='0']")].filter(e => e.checkVisibility()), document.activeElement.blur(), true`)
	n := eval[int](b, `window.inOrder.length`)
	require.Greater(b.t, n, 5)
	for i := range n {
		require.NoError(b.t, chromedp.Do(b.ctx, chromedp.KeyEvent(kb.Tab)))
		at := eval[int](b, `window.inOrder.indexOf(document.activeElement)`)
		require.Equal(b.t, i, at, "the focus is on %s", eval[string](b, `document.activeElement.outerHTML`))
		assert.NotEqual(b.t, "none", eval[string](b, `getComputedStyle(document.activeElement).outlineStyle`))
	}
}

// tile is an expression for what the tile of that name says.
func tile(name string) string {
	return `[...document.querySelectorAll("#tiles > div")].find(d => d.firstChild.textContent === "` + name + `")?.children[1].textContent`
}

// cell is an expression for what the row of a table says in the column of that name.
func cell(table, row, column string) string {
	return `[...document.querySelectorAll("#` + table + ` tr")].find(r => r.firstChild.textContent.startsWith("` + row + `"))?.querySelector("[data-label='` + column + `']").textContent`
}

// seesFigures expects the figures that tell how well the bridge keeps up.
func (b *browser) seesFigures() {
	b.t.Helper()
	b.until("inserts are timed", `/^\d+(\.\d)? m?s$/.test(`+tile("Insert latency")+`)`)
	b.until("those of a table too", `/^\d+(\.\d)? m?s$/.test(`+cell("tables-rows", "ticks", "Insert latency")+`)`)
	b.until("something is held", tile("Oldest record")+` !== "–"`)
	assert.Equal(b.t, "none, as far as is known", eval[string](b, tile("Lost")+` === "0" && `+more("Lost")))
	for _, chart := range []string{"bytes", "oldest", "insert", "lag"} {
		b.until("there is a chart of "+chart, `document.querySelectorAll("#`+chart+`-chart canvas").length === 1`)
		b.until(chart+" has a figure", `[...document.querySelectorAll("#`+chart+`-legend .key")].some(k => !k.hidden && /^\d/.test(k.querySelector("b").textContent))`)
		b.until(chart+" is told in words", `/\d/.test(document.getElementById("`+chart+`-words").textContent)`)
	}
	assert.Equal(b.t, "Kafka", eval[string](b, `[...document.querySelectorAll("#lag-legend .key")].filter(k => !k.hidden).map(k => k.firstChild.textContent.trim()).join()`),
		"what the stream has none of is left out")
	assert.Equal(b.t, "none", eval[string](b, tile("Waiting rows")+` === "0" && [...document.querySelectorAll("#tiles > div")].find(d => d.firstChild.textContent === "Waiting rows").children[2].textContent`))
	assert.False(b.t, eval[bool](b, `document.getElementById("tiles").textContent.includes("Alerts")`), "nobody asked for alerts")

	eval[bool](b, `document.getElementById("as-table").open = true`)
	b.until("the table has them too", `/\d s$/.test(`+cell("hour-rows", "", "Oldest record")+`) || /\d ms$/.test(`+cell("hour-rows", "", "Oldest record")+`)`)
	assert.Regexp(b.t, `B$`, eval[string](b, cell("hour-rows", "", "Highest in bytes")))
	assert.Regexp(b.t, `s$`, eval[string](b, cell("hour-rows", "", "Insert latency")))
	assert.Regexp(b.t, `^[\d,]+$`, eval[string](b, cell("hour-rows", "", "Highest lag")))
	eval[bool](b, `document.getElementById("as-table").open = false, true`)
}

// seesConfig expects what is configured, by the names of the config, and nothing that
// leads to a server.
func (b *browser) seesConfig(r *rig) {
	b.t.Helper()
	host, err := os.Hostname()
	require.NoError(b.t, err)
	assert.Equal(b.t, "dev on "+host, eval[string](b, `document.getElementById("build").textContent`))
	eval[bool](b, `document.querySelector("#config-card details").open = true`)
	b.until("all components tell", `document.querySelectorAll("#config section").length === 5`)
	assert.Equal(b.t, "input ch_candles,input external,input ticks,buffer,output clickhouse",
		eval[string](b, `[...document.querySelectorAll("#config h3")].map(h => h.textContent).join()`))
	words := eval[string](b, `[...document.querySelectorAll("#config dl > div")].map(d => d.firstChild.textContent + " = " + d.lastChild.textContent).join("\n")`)
	for _, line := range []string{
		"max_buffer_size = 50,000", "pause_threshold = 40,000", "resume_threshold = 20,000", "max_bytes = 128 MiB",
		"batch.count = ", "table = ", "dead_letter = ", "topics = " + r.topic(), "subjects = " + r.subject(marketdata.Ticks), "groups.CH = ticks, ch_candles",
	} {
		assert.Contains(b.t, words, line)
	}
	for _, secret := range []string{r.nats.URL(), r.kafka.Addr(), r.ch.Addr(), "password", "token"} {
		assert.NotContains(b.t, words, secret)
	}
	b.accessible()
	eval[bool](b, `document.querySelector("#config-card details").open = false, true`)
}

func (b *browser) seesPause() {
	b.t.Helper()
	b.until("the pause is seen", pageState+` === "paused"`)
	b.until("the inputs are paused", pageBadges+` === "Paused,Paused,Paused"`)
	b.until("the pause is listed", `document.querySelector("#pauses-rows .more")?.textContent === "still paused"`)
	assert.Equal(b.t, "Paused: the buffer is full", eval[string](b, `document.getElementById("state").textContent`))
	assert.Equal(b.t, "Paused: the buffer is full", eval[string](b, `document.getElementById("announce").textContent`))
	assert.Equal(b.t, "Paused – data-bridge", eval[string](b, `document.title`))
	assert.Regexp(b.t, `^since .*, for \d`, eval[string](b, `document.getElementById("state-since").textContent`))
	assert.Contains(b.t, eval[string](b, `document.getElementById("advice").textContent`), "look at ClickHouse")
	b.accessible()
	if *screenshots {
		time.Sleep(20 * time.Second)
	}
	b.shoot("page-paused.png", chromedp.FullScreenshot(100))
	b.theme("dark")
	b.shoot("page-paused-dark.png", chromedp.CaptureScreenshot())
	b.theme("light")
}

func (b *browser) seesResume() {
	b.t.Helper()
	b.until("the resume is seen", pageState+` === "healthy"`)
	b.until("the inputs run again", pageBadges+` === "Running,Running,Running"`)
	b.until("the pause is over", `document.querySelectorAll("#pauses-rows tr").length === 1 && !document.querySelector("#pauses-rows .badge")`)
	assert.Contains(b.t, eval[string](b, `document.getElementById("pauses-rows").textContent`), "Too many records held")
}

// seesYielding expects a backlog of the input that can wait to show as such, and not
// as a pause. That lasts until the output counts as one that stands still, and the
// rest is taken in: it reports whether it came in time.
func (b *browser) seesYielding(r *rig, bridge *bridge) (seen bool) {
	b.t.Helper()
	const backlog = 35_000
	r.stall()
	r.publish(marketdata.External, backlog)
	bridge.until("the input yields, or did", func(h harness.Health) bool {
		seen = eval[bool](b, pageBadges+`.includes("Yielding") && `+pageState+` === "healthy"`)
		return seen || h.Metrics.Backpressure.Level == backlog
	})
	if seen {
		assert.Contains(b.t, eval[string](b, `document.getElementById("gauge").textContent`), "yields there")
		b.accessible()
	}
	r.unstall()
	bridge.levelIs(0)
	return seen
}

func (b *browser) seesDeadLetter() {
	b.t.Helper()
	b.until("the dead letter is listed", `document.getElementById("errors-rows").textContent.includes("external › seq")`)
	words := eval[string](b, `document.body.innerText`)
	assert.Contains(b.t, words, "not a number")
	assert.NotContains(b.t, words, "geheim", "what a record holds is for the dead letters")
}

func (b *browser) seesRetries() {
	b.t.Helper()
	b.until("the failed insert is listed", `document.getElementById("errors-rows").textContent.includes("clickhouse › ticks")`)
	b.until("its table retries", `document.getElementById("tables-rows").textContent.includes("Retrying")`)
	b.until("its rows are counted", `/^[1-9]/.test(`+cell("tables-rows", "ticks", "Retry rows")+`) && /^[1-9]/.test(`+tile("Waiting rows")+`)`)
	b.until("the output is away", `document.getElementById("flow-outputs").textContent.includes("Disconnected")`)
	b.until("it is said what to do", `document.getElementById("advice").textContent.includes("ClickHouse is not reached")`)
	b.accessible()
}

func (b *browser) seesLoss() {
	b.t.Helper()
	b.until("the loss is seen", pageState+` === "disconnected"`)
	assert.Equal(b.t, "No connection to the bridge", eval[string](b, `document.getElementById("state").textContent`))
	assert.Equal(b.t, "Disconnected – data-bridge", eval[string](b, `document.title`))
	assert.Regexp(b.t, `^Lost the bridge at .* ago\.`, eval[string](b, `document.getElementById("lost").innerText`))
	b.accessible()
}

// seesReturn expects the page to be there again by itself, with a process that
// has counted nothing yet.
func (b *browser) seesReturn() {
	b.t.Helper()
	b.until("the bridge is back", pageState+` === "healthy" && document.getElementById("lost").hidden`)
	assert.True(b.t, eval[bool](b, `window.loadedOnce`), "without being loaded again")
	assert.Contains(b.t, eval[string](b, `document.getElementById("pauses-sum").textContent`), "None", "another process, another history")
	assert.Zero(b.t, eval[int](b, `document.querySelectorAll("#errors-rows tr").length`))
	assert.NotRegexp(b.t, `[-−]\d`, eval[string](b, `document.getElementById("tiles").innerText + document.getElementById("inputs-rows").innerText + document.getElementById("tables-rows").innerText`), "nothing runs backwards")
}
