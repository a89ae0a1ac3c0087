package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// Streams that are made and deleted leave nothing behind in what the listener shows
// that they shared with others. (Their gates and boards are forgotten, too; the host
// keeps some of each stream that was deleted, so its memory tells nothing.)
func TestStreamsThatAreDeletedAreForgotten(t *testing.T) {
	t.Parallel()
	nats, address, api := stack.Shared.NATS(t), freeAddress(t), freeAddress(t)
	stream := func(gate string) string {
		return fmt.Sprintf(`
input: {label: ticks, pausable_nats: {urls: [%q], subjects: [gone.ticks], gate: %q}}
buffer: {backpressure: {status_server: {address: %q}, gate: %q}}
output: {drop: {}}
`, nats.URL(), gate, address, gate)
	}
	dir := t.TempDir()
	root, stays := filepath.Join(dir, "root.yaml"), filepath.Join(dir, "stays.yaml")
	require.NoError(t, os.WriteFile(root, []byte("http: {address: "+api+"}\nmetrics: {none: {}}\nlogger: {format: json}\n"), 0o600))
	require.NoError(t, os.WriteFile(stays, []byte(stream("")), 0o600))
	b := startBridge(t, binary, address, env{}, "streams", "--api", "-o", root, stays)
	b.await("The HTTP API of streams mode is open")
	b.until("the one that stays is connected", func(h harness.Health) bool { return h.Inputs["stays.ticks"].Connected })

	for i := range 100 {
		path, gate := fmt.Sprintf("http://%s/streams/s%d", api, i), ""
		if i%2 == 0 {
			gate = fmt.Sprintf("g%d", i)
		}
		request(t, http.MethodPost, path, stream(gate))
		b.until("it is shown", func(h harness.Health) bool { return len(h.Inputs) == 2 })
		request(t, http.MethodDelete, path, "")
		assert.Len(t, b.health().Inputs, 1)
	}
	h := b.health()
	assert.Len(t, h.Inputs, 1)
	assert.Contains(t, h.Inputs, "stays.ticks")
	assert.Equal(t, http.StatusOK, h.Code)
	b.terminate()
	assert.Zero(t, b.exitCode())
}

// request expects an HTTP request to be answered well.
func request(t *testing.T, method, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/yaml")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s %s: %s", method, url, answer)
}
