package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answerTo sends a request with headers, and the Host of host where it is not empty.
func answerTo(t *testing.T, method, url, body, host string, headers map[string]string) (code int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Host = host
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

const harmless = "input: {generate: {mapping: root = 1, interval: 1m}}\noutput: {drop: {}}"

// running is a stream whose making runs a program, which leaves a file.
func running(path string) string {
	return `{"input": {"generate": {"mapping": "root = 1", "count": 1, "interval": ""}}, "pipeline": {"processors": [{"command": {"name": "touch", "args_mapping": "root = [\"` + path + `\"]"}}]}, "output": {"drop": {}}}`
}

// Nobody makes a stream who was not given the API, by whatever path.
func TestStreamsModeOffersNoAPIUnlessAsked(t *testing.T) {
	address := freeAddress(t)
	b := startBridge(t, binary, "", nil, "streams", "--set", "http.address="+address, written(t, "one.yaml", harmless))
	b.await("Launching data-bridge in streams mode")
	mark := filepath.Join(t.TempDir(), "ran")
	for _, prefix := range []string{"", "/benthos"} {
		for _, c := range []struct{ method, path string }{
			{http.MethodGet, "/streams"},
			{http.MethodPost, "/streams"},
			{http.MethodGet, "/streams/one"},
			{http.MethodPost, "/streams/two"},
			{http.MethodPut, "/streams/one"},
			{http.MethodPatch, "/streams/one"},
			{http.MethodDelete, "/streams/one"},
			{http.MethodPost, "/resources/input/a"},
			{http.MethodGet, "/streams/one/stats"},
		} {
			code, answer := answerTo(t, c.method, "http://"+address+prefix+c.path, running(mark), "", map[string]string{"Content-Type": "application/json"})
			assert.Equal(t, http.StatusNotFound, code, "%s %s: %s", c.method, c.path, answer)
		}
	}
	assert.NoFileExists(t, mark)
}

// With --api a web page elsewhere gets nothing: by its origin, by a name that was
// made to mean this address, or by a type that needs no asking.
func TestTheStreamsAPIRefusesForeignOrigins(t *testing.T) {
	address := freeAddress(t)
	b := startBridge(t, binary, "", nil, "streams", "--api", "--set", "http.address="+address, written(t, "one.yaml", harmless))
	b.await("The HTTP API of streams mode is open")
	b.await("Output type drop is now active")
	dir := t.TempDir()
	json := func(more map[string]string) map[string]string {
		headers := map[string]string{"Content-Type": "application/json"}
		for k, v := range more {
			headers[k] = v
		}
		return headers
	}
	for name, c := range map[string]struct {
		host    string
		headers map[string]string
		code    int
	}{
		"origin":                {"", json(map[string]string{"Origin": "https://evil.example"}), http.StatusForbidden},
		"origin null":           {"", json(map[string]string{"Origin": "null"}), http.StatusForbidden},
		"another port":          {"", json(map[string]string{"Origin": "http://127.0.0.1:1"}), http.StatusForbidden},
		"cross-site":            {"", json(map[string]string{"Sec-Fetch-Site": "cross-site"}), http.StatusForbidden},
		"same-site":             {"", json(map[string]string{"Sec-Fetch-Site": "same-site"}), http.StatusForbidden},
		"rebound name":          {"evil.example", json(nil), http.StatusForbidden},
		"rebound name, origin":  {"evil.example:80", json(map[string]string{"Origin": "http://evil.example:80"}), http.StatusForbidden},
		"text/plain":            {"", map[string]string{"Content-Type": "text/plain"}, http.StatusUnsupportedMediaType},
		"text/plain; charset":   {"", map[string]string{"Content-Type": "Text/Plain; charset=utf-8"}, http.StatusUnsupportedMediaType},
		"form":                  {"", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, http.StatusUnsupportedMediaType},
		"a type of no sense":    {"", map[string]string{"Content-Type": ";"}, http.StatusUnsupportedMediaType},
		"what curl is told":     {"", json(nil), http.StatusOK},
		"by the name localhost": {"localhost:4195", json(nil), http.StatusOK},
		"its own origin":        {"", json(map[string]string{"Origin": "http://" + address, "Sec-Fetch-Site": "same-origin"}), http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			mark := filepath.Join(dir, strings.NewReplacer(" ", "-", "/", "-", ";", "").Replace(name))
			url := "http://" + address + "/streams/" + filepath.Base(mark)
			code, answer := answerTo(t, http.MethodPost, url, running(mark), c.host, c.headers)
			assert.Equal(t, c.code, code, answer)
			if c.code == http.StatusOK {
				require.Eventually(t, func() bool { _, err := os.Stat(mark); return err == nil }, patience, patience/1000)
				return
			}
			b.await("Refused POST /streams/" + filepath.Base(mark) + " from 127.0.0.1:")
			assert.NoFileExists(t, mark)
			if c.code == http.StatusForbidden {
				code, answer = answerTo(t, http.MethodGet, "http://"+address+"/benthos/streams/one", "", c.host, c.headers)
				assert.Equal(t, c.code, code, answer)
			}
		})
	}
}

// Beyond loopback the API takes a password.
func TestTheStreamsAPITakesAPasswordBeyondLoopback(t *testing.T) {
	one := written(t, "one.yaml", harmless)
	open := startBridge(t, binary, "", nil, "streams", "--api", "--set", "http.address=0.0.0.0:0", one)
	assert.NotZero(t, open.exitCode())
	assert.Contains(t, open.Tail(100), "set http.basic_auth, or an address of this host alone such as 127.0.0.1:4195")

	address := freeAddress(t)
	root := written(t, "root.yaml", "http: {address: '"+strings.Replace(address, "127.0.0.1", "0.0.0.0", 1)+
		"', basic_auth: {enabled: true, username: me, password_hash: "+"XohImNooBHFR0OVvjcYpJ3NgPQ1qq73WKhHvch0VQtg="+"}}")
	b := startBridge(t, binary, "", nil, "streams", "--api", "-o", root, one)
	b.await("The HTTP API of streams mode is open")
	b.await("Output type drop is now active")
	code, _ := answerTo(t, http.MethodGet, "http://"+address+"/streams", "", "", nil)
	assert.Equal(t, http.StatusUnauthorized, code)
	code, answer := answerTo(t, http.MethodGet, "http://"+address+"/streams", "", "bridge.example", map[string]string{"Authorization": "Basic bWU6cGFzc3dvcmQ="})
	assert.Equal(t, http.StatusOK, code, answer)
}

// No answer has a secret: not the configuration of a stream, not an error about it,
// not the debug endpoints.
func TestNoAnswerOfTheHostHasASecret(t *testing.T) {
	const secretive = `
input: {pausable_nats: {urls: ["nats://feed:s3cr3t-url@127.0.0.1:1"], subjects: [a], auth: {user: feed, password: s3cr3t-nats}}}
buffer: {backpressure: {status_server: {enabled: false, admin: {token: s3cr3t-token}}}}
output: {clickhouse: {addresses: ["127.0.0.1:1"], password: "${PASSWORD}", table: t, dead_letter: {drop: {}}}}
`
	address := freeAddress(t)
	root := written(t, "root.yaml", `
http: {address: "`+address+`", debug_endpoints: true}
input_resources: [{label: shared, http_client: {url: "http://u:s3cr3t-resource@127.0.0.1:1/", headers: {Authorization: "Bearer s3cr3t-header"}}}]
`)
	b := startBridge(t, binary, "", env{"PASSWORD": "s3cr3t-clickhouse"}, "streams", "--api", "-o", root, written(t, "one.yaml", secretive))
	b.await("The HTTP API of streams mode is open")
	b.awaitNth("Failed to connect", 2)
	for path, has := range map[string]string{
		"/streams/one": `"clickhouse"`, "/streams": `"one"`, "/debug/config/json": `"shared"`, "/debug/config/yaml": "shared",
		"/debug/stack": "goroutine", "/streams/one/stats": "uptime_ns", "/endpoints": "/ping", "/metrics": "data_bridge", "/ready": "", "/one/ready": "",
	} {
		_, answer := answerTo(t, http.MethodGet, "http://"+address+path, "", "", nil)
		assert.Contains(t, answer, has, path)
		assert.NotContains(t, answer, "s3cr3t", path)
	}
	code, answer := answerTo(t, http.MethodPatch, "http://"+address+"/streams/one?timeout=1s", `{"output": {"type": "s3cr3t-nats", "clickhouse": "s3cr3t-nats"}}`, "",
		map[string]string{"Content-Type": "application/json"})
	assert.GreaterOrEqual(t, code, 400)
	t.Log(answer)
	assert.NotContains(t, answer, "s3cr3t")

	config := written(t, "run.yaml", secretive+"http: {address: '"+freeAddress(t)+"', debug_endpoints: true}\n")
	address = freeAddress(t)
	run := startBridge(t, binary, "", env{"PASSWORD": "s3cr3t-clickhouse"}, "run", "--set", "http.address="+address, config)
	run.awaitNth("Failed to connect", 2)
	for _, path := range []string{"/debug/config/json", "/debug/config/yaml", "/benthos/debug/config/json"} {
		code, answer := answerTo(t, http.MethodGet, "http://"+address+path, "", "", nil)
		assert.Equal(t, http.StatusOK, code)
		assert.Contains(t, answer, "pausable_nats", path)
		assert.NotContains(t, answer, "s3cr3t", path)
	}
}
