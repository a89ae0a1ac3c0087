//go:build long

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// mostKept is what a stream of ours that was deleted may keep more than one that has
// nothing of ours.
const mostKept = 48 << 10

// The host never forgets a stream that was deleted: the handler of its /ready holds it,
// with its components, 84 kB where there is nothing of ours. So the memory of a thousand
// streams that are made and deleted through the binary's API does not come back, but of
// ours nothing is held that the host does not hold: no gate, no board, nothing that
// waits, no connection.
func TestAThousandStreamsKeepNoMoreThanTheHostDoes(t *testing.T) {
	const warm, streams, workers = 100, 1000, 20
	ours := func(i int, address string) string {
		return fmt.Sprintf(`
input: {label: ticks, pausable_nats: {urls: [%q], subjects: [gone.%d]}}
buffer: {backpressure: {status_server: {address: %q}}}
output: {label: store, clickhouse: {addresses: ['127.0.0.1:1'], table: t%d, dead_letter: {drop: {}}}}
`, stack.Shared.NATS(t).URL(), i, address, i)
	}
	hosts := func(int, string) string {
		return "input: {label: ticks, generate: {interval: 1h, mapping: root = 1}}\nbuffer: {memory: {}}\noutput: {label: store, drop: {}}\n"
	}
	perStream := map[string]float64{}
	for name, stream := range map[string]func(int, string) string{"ours": ours, "the host's": hosts} {
		address, api := freeAddress(t), freeAddress(t)
		dir := t.TempDir()
		root, stays := filepath.Join(dir, "root.yaml"), filepath.Join(dir, "stays.yaml")
		require.NoError(t, os.WriteFile(root, []byte("http: {address: "+api+", debug_endpoints: true}\nmetrics: {none: {}}\nlogger: {format: json, level: ERROR}\n"), 0o600))
		require.NoError(t, os.WriteFile(stays, []byte(ours(-1, address)), 0o600))
		b := startBridge(t, plain, address, env{}, "streams", "--api", "-o", root, stays)
		b.until("the one that stays is connected", func(h harness.Health) bool { return h.Inputs["stays.ticks"].Connected })
		makeAndDelete := func(from, to int) {
			var all sync.WaitGroup
			for worker := range workers {
				all.Go(func() {
					for i := from + worker; i < to; i += workers {
						path := fmt.Sprintf("http://%s/streams/s%d", api, i)
						request(t, http.MethodPost, path, stream(i, address))
						request(t, http.MethodDelete, path, "")
					}
				})
			}
			all.Wait()
		}
		makeAndDelete(0, warm)
		before := heapOf(t, api)
		makeAndDelete(warm, warm+streams)
		after := heapOf(t, api)
		perStream[name] = float64(after-before) / streams
		t.Logf("%s: %d kB before, %d kB after %d streams, %.0f bytes for each", name, before>>10, after>>10, streams, perStream[name])
		b.terminate()
		assert.Zero(t, b.exitCode())
	}
	assert.Less(t, perStream["ours"]-perStream["the host's"], float64(mostKept))
}

var heapInUse = regexp.MustCompile(`# HeapAlloc = (\d+)`)

// heapOf is what lives in the process behind the host's API.
func heapOf(t *testing.T, api string) (bytes int64) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 2 { // finalizers take another round
		resp, err := client.Get("http://" + api + "/debug/pprof/heap?gc=1&debug=1")
		require.NoError(t, err)
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		found := heapInUse.FindSubmatch(text)
		require.NotNil(t, found, "%.300s", text)
		bytes, err = strconv.ParseInt(string(found[1]), 10, 64)
		require.NoError(t, err)
	}
	return bytes
}
