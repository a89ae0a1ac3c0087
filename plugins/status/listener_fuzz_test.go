package status_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// FuzzListener sends the listener any request, from elsewhere and without the token:
// nothing is operated, no answer holds the token, and what is said to be JSON is JSON.
func FuzzListener(f *testing.F) {
	for _, request := range []string{
		"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", "GET /pauses HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nRange: bytes=0-\r\n\r\n",
		"POST /inputs/pause HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer wrong\r\n\r\n", "POST /inputs/a%2fb/resume HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /backpressure HTTP/1.1\r\nHost: a\r\nContent-Length: 18\r\n\r\n{\"enabled\": false}", "PUT /backpressure/reset HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /page/../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", "GET /page/%2e%2e/x HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "POST /inputs/pause HTTP/1.1\r\nHost: a\r\nAuthorization: bearer\r\n\r\n",
	} {
		f.Add([]byte(request))
	}
	const token = "a-long-secret-token"
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil || r.URL.Path == "/events" || strings.Contains(string(raw), token) {
			return // events end with the client alone
		}
		r.RemoteAddr = "192.0.2.1:1234"
		b, h := operated("", token)
		w := httptest.NewRecorder()
		status.Handler(b).ServeHTTP(w, r)
		require.Empty(t, h.take(), "%q", raw)
		require.NotContains(t, w.Body.String(), token)
		require.GreaterOrEqual(t, w.Code, 200)
		require.Less(t, w.Code, 600)
		if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && r.Method != http.MethodHead {
			require.True(t, json.Valid(w.Body.Bytes()), "%q: %q", raw, w.Body)
		}
	})
}
