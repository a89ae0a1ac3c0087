package status_test

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func serve(t *testing.T, boards ...*status.Board) (site string) {
	t.Helper()
	s := status.NewServers()
	addr, leave, err := s.Serve("127.0.0.1:0", boards[0])
	require.NoError(t, err)
	t.Cleanup(leave)
	return "http://" + addr.String()
}

func TestThePageIsServedWithEverythingItNames(t *testing.T) {
	site := serve(t, example())
	code, index, header := get(t, http.MethodGet, site+"/")
	assert.Equal(t, http.StatusOK, code)
	assert.Equal(t, "text/html; charset=utf-8", header.Get("Content-Type"))

	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", "": "text/plain; charset=utf-8"}
	seen := map[string]bool{}
	var visit func(text, folder string)
	visit = func(text, folder string) {
		for _, m := range regexp.MustCompile(`(?:(?:src|href)="|from ")([^":#]+)"`).FindAllStringSubmatch(text, -1) {
			path := m[1]
			if rel, ok := strings.CutPrefix(path, "./"); ok {
				path = folder + rel
			}
			if seen[path] || !strings.HasPrefix(path, "page/") {
				continue
			}
			seen[path] = true
			code, body, header := get(t, http.MethodGet, site+"/"+path)
			require.Equal(t, http.StatusOK, code, path)
			assert.Equal(t, types[filepath.Ext(path)], header.Get("Content-Type"), path)
			assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
			visit(body, "page/")
		}
	}
	visit(index, "")
	for _, path := range []string{"page/app.js", "page/charts.js", "page/style.css", "page/vendor/uPlot.esm.js", "page/vendor/LICENSE"} {
		assert.Contains(t, seen, path)
	}
}

// No inline script or style, nothing from elsewhere: the policy allows 'self'
// alone, and the page keeps to it.
func TestThePageHasAStrictPolicy(t *testing.T) {
	site := serve(t, example())
	for _, path := range []string{"/", "/page/app.js"} {
		_, _, header := get(t, http.MethodGet, site+path)
		policy := header.Get("Content-Security-Policy")
		assert.Contains(t, policy, "default-src 'none'")
		assert.Contains(t, policy, "script-src 'self';")
		assert.Contains(t, policy, "connect-src 'self';")
		assert.NotContains(t, policy, "unsafe")
		assert.NotContains(t, policy, "http")
		assert.NotContains(t, policy, "data:")
		assert.NotContains(t, policy, "*")
	}
	_, index, _ := get(t, http.MethodGet, site+"/")
	assert.NotRegexp(t, `<script(?:[^>]*)>[^<]`, index)
	assert.NotRegexp(t, `(?i)<style|\sstyle=|\son\w+=`, index)
	assert.NotRegexp(t, `(?:src|rel="stylesheet" href)="https?:`, index)
}

func TestAssetsAreAskedForAgainAndSentOnlyWhenTheyChanged(t *testing.T) {
	site := serve(t, example())
	_, _, header := get(t, http.MethodGet, site+"/page/app.js")
	tag := header.Get("ETag")
	require.Regexp(t, `^"[0-9a-f]{16}"$`, tag)
	assert.Equal(t, "no-cache", header.Get("Cache-Control"))
	_, _, other := get(t, http.MethodGet, site+"/page/style.css")
	assert.NotEqual(t, tag, other.Get("ETag"))

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site+"/page/app.js", nil)
	require.NoError(t, err)
	req.Header.Set("If-None-Match", tag)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, http.StatusNotModified, resp.StatusCode)
}

func TestThePageSwallowsNoOtherPath(t *testing.T) {
	site := serve(t, example())
	for _, path := range []string{
		"/index.html", "/favicon.ico", "/other", "/page", "/page/", "/page/none.js", "/page/vendor/", "/page/vendor/README.md", "/events/x", "/healthz",
		"/page/..%2fpage.go",
	} {
		code, _, _ := get(t, http.MethodGet, site+path)
		assert.Equal(t, http.StatusNotFound, code, path)
	}
	for _, path := range []string{"/", "/events", "/page/app.js"} {
		code, _, _ := get(t, http.MethodPost, site+path)
		assert.Equal(t, http.StatusMethodNotAllowed, code, path)
		code, body, _ := get(t, http.MethodHead, site+path)
		assert.Equal(t, http.StatusOK, code, path)
		assert.Empty(t, body)
	}
}
