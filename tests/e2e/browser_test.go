package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// screenshots is what make screenshots asks for.
var screenshots = flag.Bool("screenshots", false, "let the page's test run on for a while and write docs/images/page-*.png")

// browser is a real browser with one page open. What it asks of the network and
// what it complains of is written down.
type browser struct {
	t    *testing.T
	ctx  context.Context //nolint:containedctx // that is how chromedp names a page
	site string          // where the page may come from

	mu         sync.Mutex
	requests   []string
	complaints []string
}

// browse opens the page. When the test ends, it must have asked no other site
// and must have complained of nothing.
func browse(t *testing.T, site string) *browser {
	t.Helper()
	chromium, err := stack.FindChromium(within(t))
	require.NoError(t, err)
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium.Path), chromedp.NoSandbox, chromedp.Env(chromium.Env...))
	alloc, _ := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), opts...)
	ctx, _ := chromedp.NewContext(alloc)
	b := &browser{t: t, ctx: ctx, site: site}
	t.Cleanup(func() { assert.NoError(t, chromedp.Cancel(ctx)) })
	require.NoError(t, chromedp.Listen(ctx, b.note))
	b.look(1280, 1060)
	b.theme("light")
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(site)))
	t.Cleanup(b.check)
	return b
}

func (b *browser) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, fmt.Sprint(e.ExceptionDetails.Text, " ", e.ExceptionDetails.Exception.Description))
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, fmt.Sprint("console.", e.Type))
	case *log.EventEntryAdded: // that the bridge is away is for the page to say
		if !strings.Contains(e.Entry.Text, "net::ERR_") {
			b.complaints = append(b.complaints, e.Entry.Text)
		}
	}
}

func (b *browser) check() {
	b.mu.Lock()
	defer b.mu.Unlock()
	assert.Empty(b.t, b.complaints, "the browser complains")
	assert.NotEmpty(b.t, b.requests)
	for _, url := range b.requests {
		assert.True(b.t, strings.HasPrefix(url, b.site), "the page asks %s", url)
	}
}

// eval evaluates an expression that is, or resolves to, a T.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err, expression)
	return v
}

// until waits until the expression holds in the page.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(250*time.Millisecond), chromedp.WithPollingTimeout(patience)))
	require.NoError(b.t, err, "waiting until %s; the page says:\n%s", what, eval[string](b, "document.body.innerText"))
}

// look sets the size of the window.
func (b *browser) look(width, height int64) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.EmulateViewport(width, height)))
}

// theme sets what the system prefers, and no motion, for pictures to be still.
func (b *browser) theme(scheme string) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return chromedp.Void{}, err
	}))
}

// shoot writes a picture for the docs, if somebody wants them.
func (b *browser) shoot(name string, shot chromedp.Action[[]byte]) {
	b.t.Helper()
	if !*screenshots {
		return
	}
	eval[*runtime.RemoteObject](b, `document.activeElement.blur(), scrollTo(0, 0)`)
	picture, err := chromedp.Run(b.ctx, shot)
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(root, "docs", "images", name), picture, 0o644))
}

// accessible checks the page with axe-core in both themes: it has to find nothing.
func (b *browser) accessible() {
	b.t.Helper()
	path, err := stack.FindAxe(within(b.t))
	require.NoError(b.t, err)
	script, err := os.ReadFile(path)
	require.NoError(b.t, err)
	eval[*runtime.RemoteObject](b, string(script))
	for _, scheme := range []string{"light", "dark"} {
		b.theme(scheme)
		found := eval[json.RawMessage](b, `axe.run().then(r => r.violations
			.map(v => v.id + ": " + v.nodes.map(n => n.html + " " + n.failureSummary).join("; ")))`)
		assert.JSONEq(b.t, "[]", string(found), "in %s", scheme)
		assert.Positive(b.t, eval[int](b, `axe.run().then(r => r.passes.length)`))
	}
	b.theme("light")
}
