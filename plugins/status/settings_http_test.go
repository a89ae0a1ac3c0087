package status_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// change posts a body to a board's listener, from that address.
func change(remote, path, token, body string, boards ...*status.Board) (int, string, http.Header) {
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequest(http.MethodPost, path, content)
	r.RemoteAddr = remote
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	status.Handler(boards...).ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Result().Header
}

const here = "127.0.0.1:1234"

// What is in the body reaches the stream as it was written, and the answer says what is
// at work then.
func TestSettingsAreChanged(t *testing.T) {
	b, h := operated("", "secret")
	since := status.Time(time.Date(2025, 10, 12, 10, 30, 0, 0, time.UTC))
	b.SetBuffer(func() status.Buffer {
		return status.Buffer{
			PausingOff: true, PauseThreshold: 30, YieldThreshold: 20, ResumeThreshold: 10, AlertAfter: time.Minute,
			Overrides: []status.Override{{Setting: "enabled", Configured: true, Current: false, Since: since}},
		}
	})
	for body, want := range map[string]string{
		`{"enabled": false}`: "change map[enabled:false]",
		` {"pause_threshold": "60%", "resume_threshold": 4.50, "alert_after": null}` + "\n": "change map[alert_after:<nil> pause_threshold:60% resume_threshold:4.50]",
	} {
		code, answer, _ := change(here, "/backpressure", "secret", body, b)
		assert.Equal(t, http.StatusOK, code, answer)
		assert.Equal(t, []string{want}, h.take())
		assert.Contains(t, answer, `"settings":{"enabled":false,"pause_threshold":30,"yield_threshold":20,"resume_threshold":10,"alert_after":"1m0s"}`)
		assert.Contains(t, answer, `"overrides":[{"stream":"","setting":"enabled","configured":true,"current":false,"since":"2025-10-12T10:30:00.000000Z"}]`)
	}
	code, _, _ := change(here, "/backpressure/reset", "secret", "", b)
	assert.Equal(t, http.StatusOK, code)
	assert.Equal(t, []string{"reset"}, h.take())
	assert.Equal(t, here, h.remotes[0], "the log names who asked")
}

// What is refused, with what words; nothing is done then.
func TestSettingsAreRefused(t *testing.T) {
	b, h := operated("", "secret")
	off, idle := operated("", "")
	off.SetOperator(idle, status.Admin{Token: "secret"})
	const good = `{"enabled": false}`
	for name, test := range map[string]struct {
		board                     *status.Board
		remote, path, token, body string
		code                      int
		says                      string
	}{
		"switched off":   {off, here, "/backpressure", "secret", good, 403, "status_server.admin.enabled is false"},
		"from elsewhere": {b, "192.0.2.7:1", "/backpressure", "secret", good, 403, "allow_remote is false"},
		"no token":       {b, here, "/backpressure", "", good, 401, "Authorization: Bearer is missing"},
		"wrong token":    {b, here, "/backpressure/reset", "secre", "", 401, "not the one of"},
		"unknown stream": {b, here, "/backpressure?stream=a", "secret", good, 404, `no stream \"a\"`},
		"unknown action": {b, here, "/backpressure/set", "secret", good, 404, "POST /backpressure or /backpressure/reset"},
		"a path below":   {b, here, "/backpressure/reset/x", "secret", good, 404, "POST /backpressure"},
		"no body":        {b, here, "/backpressure", "secret", "", 400, "must be a JSON object"},
		"nothing in it":  {b, here, "/backpressure", "secret", "{}", 400, "must be a JSON object"},
		"null":           {b, here, "/backpressure", "secret", "null", 400, "must be a JSON object"},
		"a list":         {b, here, "/backpressure", "secret", `[{"enabled": false}]`, 400, "must be a JSON object"},
		"a form":         {b, here, "/backpressure", "secret", "enabled=false", 400, "must be a JSON object"},
		"more behind it": {b, here, "/backpressure", "secret", good + good, 400, "must be a JSON object"},
		"too much": {
			b, here, "/backpressure", "secret", `{"enabled": "` + strings.Repeat("x", 5000) + `"}`, 400, "too large",
		},
	} {
		t.Run(name, func(t *testing.T) {
			code, answer, header := change(test.remote, test.path, test.token, test.body, test.board)
			assert.Equal(t, test.code, code, answer)
			assert.Contains(t, answer, test.says)
			assert.Equal(t, code == 401, header.Get("WWW-Authenticate") != "")
			assert.Empty(t, append(h.take(), idle.take()...))
		})
	}
	assert.Contains(t, h.refusals, "/backpressure: the header Authorization: Bearer is missing")
	r := httptest.NewRequest(http.MethodGet, "/backpressure", nil)
	w := httptest.NewRecorder()
	status.Handler(b).ServeHTTP(w, r)
	assert.Equal(t, http.StatusMethodNotAllowed, w.Code)

	h.objection = "resume_threshold (x) is out of order: 0 < resume_threshold < pause_threshold & so on" // as people read it
	code, answer, _ := change(here, "/backpressure", "secret", `{"pause_threshold": "x"}`, b)
	assert.Equal(t, http.StatusBadRequest, code)
	assert.Contains(t, answer, h.objection)
	h.stopping = true
	code, answer, _ = change(here, "/backpressure", "secret", good, b)
	assert.Equal(t, http.StatusConflict, code)
	assert.Contains(t, answer, "stopping")
}

// Of several streams one is meant, and it has to be named: thresholds that fit one need
// not fit the other, and changes are made whole or not at all.
func TestSettingsOfSeveralStreams(t *testing.T) {
	a, handA := operated("a", "secret")
	b, handB := operated("b", "secret")
	c, handC := operated("c", "other")
	const body = `{"enabled": false}`
	code, answer, _ := change(here, "/backpressure", "secret", body, a, b, c)
	assert.Equal(t, http.StatusBadRequest, code)
	assert.Contains(t, answer, "name one of them (/backpressure?stream=): a, b")
	code, answer, _ = change(here, "/backpressure?stream=b", "secret", body, a, b, c)
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, answer, `"stream":"b"`)
	code, _, _ = change(here, "/backpressure", "other", body, a, b, c)
	assert.Equal(t, http.StatusOK, code, "the only one with this token")
	code, _, _ = change(here, "/backpressure?stream=c", "secret", body, a, b, c)
	assert.Equal(t, http.StatusNotFound, code, "of a stream with another token nothing is told")
	assert.Equal(t, [][]string{nil, {"change map[enabled:false]"}, {"change map[enabled:false]"}}, [][]string{handA.take(), handB.take(), handC.take()})
}

// /health tells which stream is not what its configuration says.
func TestOverridesOfSeveralStreams(t *testing.T) {
	a, _ := operated("a", "secret")
	b, _ := operated("b", "secret")
	a.SetBuffer(func() status.Buffer { return status.Buffer{} })
	b.SetBuffer(func() status.Buffer {
		return status.Buffer{PausingOff: true, Overrides: []status.Override{{Setting: "enabled", Configured: true, Current: false}}}
	})
	h := status.HealthOf(a, b)
	assert.False(t, h.Metrics.Backpressure.Enabled)
	assert.Equal(t, []status.Override{{Stream: "b", Setting: "enabled", Configured: true, Current: false}}, h.Overrides)
	assert.True(t, status.HealthOf(a).Metrics.Backpressure.Enabled)
}
