package status_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// hand is an operator that writes down what it is asked to do.
type hand struct {
	mu       sync.Mutex
	did      []string
	remotes  []string // where requests came from
	refusals []string
	stopping bool

	objection string // to changes of settings
}

func (h *hand) note(what string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.did = append(h.did, what)
	return !h.stopping
}

func (h *hand) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	did := h.did
	h.did = nil
	return did
}

func (h *hand) By(remote string) status.Operator {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remotes = append(h.remotes, remote)
	return h
}

func (h *hand) Refused(path, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refusals = append(h.refusals, path+": "+why)
}

func (h *hand) PauseInput(label string) bool { return h.note("pause " + label) }
func (h *hand) ResumeInput(label string)     { h.note("resume " + label) }
func (h *hand) PauseInputs() bool            { return h.note("pause all") }
func (h *hand) ResumeInputs()                { h.note("resume all") }

func (h *hand) ChangeSettings(changes map[string]any) error {
	if !h.note(fmt.Sprint("change ", changes)) {
		return status.ErrStopping
	}
	if h.objection != "" {
		return errors.New(h.objection)
	}
	return nil
}

func (h *hand) ResetSettings() error {
	h.note("reset")
	return nil
}

// post sends a request with a token, "" for none.
func post(t *testing.T, method, url, token string) (int, map[string]any, http.Header) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var answer map[string]any
	require.NoError(t, json.Unmarshal(body, &answer), "%s", body)
	assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	return resp.StatusCode, answer, resp.Header
}

// served is a listener with these boards; it returns its URL.
func served(t *testing.T, address string, boards ...*status.Board) string {
	t.Helper()
	s := status.NewServers()
	for _, b := range boards {
		addr, leave, err := s.Serve(address, b)
		require.NoError(t, err)
		t.Cleanup(leave)
		address = addr.String()
	}
	return "http://" + address
}

// operated is a board with two inputs and an operator.
func operated(stream, token string) (*status.Board, *hand) {
	b, h := status.NewBoard(stream), &hand{}
	b.Input("ticks", status.KindNATS)
	b.Input("external", status.KindKafka)
	b.SetOperator(h, status.Admin{Enabled: true, Token: token})
	return b, h
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func TestOperatorPausesAndResumes(t *testing.T) {
	b, h := operated("", "secret")
	url := served(t, free(t), b)
	for path, want := range map[string]string{
		"/inputs/ticks/pause":              "pause ticks",
		"/inputs/external/resume":          "resume external",
		"/inputs/pause":                    "pause all",
		"/inputs/resume":                   "resume all",
		"/inputs/external/pause?stream=&x": "pause external",
	} {
		code, answer, _ := post(t, http.MethodPost, url+path, "secret")
		assert.Equal(t, http.StatusOK, code, path)
		assert.Equal(t, []string{want}, h.take())
		assert.Contains(t, answer, "inputs")
	}
	_, answer, _ := post(t, http.MethodPost, url+"/inputs/ticks/pause", "secret")
	assert.Contains(t, answer["inputs"], "ticks")
	assert.NotContains(t, answer["inputs"], "external")
	_, answer, _ = post(t, http.MethodPost, url+"/inputs/pause", "secret")
	assert.Len(t, answer["inputs"], 2)
}

// What a request is refused with; nothing is done then.
func TestOperatorIsRefused(t *testing.T) {
	b, h := operated("", "secret")
	on := served(t, free(t), b)
	off, idle := operated("", "")
	off.SetOperator(idle, status.Admin{Token: "secret"})
	offURL := served(t, free(t), off)
	for name, test := range map[string]struct {
		method, url, token string
		code               int
		says               string
	}{
		"switched off":    {http.MethodPost, offURL + "/inputs/ticks/pause", "secret", 403, "status_server.admin.enabled"},
		"no token":        {http.MethodPost, on + "/inputs/ticks/pause", "", 401, "Authorization: Bearer is missing"},
		"wrong token":     {http.MethodPost, on + "/inputs/ticks/pause", "secre", 401, "not the one of"},
		"unknown input":   {http.MethodPost, on + "/inputs/tick/pause", "secret", 404, `no input "tick"; there are: ticks, external`},
		"unknown stream":  {http.MethodPost, on + "/inputs/ticks/pause?stream=a", "secret", 404, `no stream "a"`},
		"unknown action":  {http.MethodPost, on + "/inputs/ticks/stop", "secret", 404, "POST /inputs/{label}/pause"},
		"unknown path":    {http.MethodPost, on + "/inputs/a/b/pause", "secret", 404, "POST /inputs/{label}/pause"},
		"no action":       {http.MethodPost, on + "/inputs/", "secret", 404, "POST /inputs/{label}/pause"},
		"wrong method":    {http.MethodGet, on + "/inputs/ticks/pause", "secret", 405, "use POST"},
		"wrong method, 2": {http.MethodDelete, on + "/inputs/resume", "secret", 405, "use POST"},
	} {
		t.Run(name, func(t *testing.T) {
			code, answer, header := post(t, test.method, test.url, test.token)
			assert.Equal(t, test.code, code)
			assert.Contains(t, answer["error"], test.says)
			assert.Equal(t, code == 405, header.Get("Allow") == "POST")
			assert.Equal(t, code == 401, header.Get("WWW-Authenticate") != "")
			assert.Empty(t, slices.Concat(h.take(), idle.take()))
		})
	}
	h.stopping = true
	code, answer, _ := post(t, http.MethodPost, on+"/inputs/pause", "secret")
	assert.Equal(t, http.StatusConflict, code)
	assert.Contains(t, answer["error"], "stopping")
}

// A request that does not come from this host is refused, token or not, unless
// the configuration lets it in.
func TestOperatorFromElsewhere(t *testing.T) {
	b, h := operated("", "secret")
	answers := func(remote, token string) int {
		r := httptest.NewRequest(http.MethodPost, "/inputs/ticks/pause", nil)
		r.RemoteAddr = remote
		r.Header.Set("Authorization", "bearer "+token)
		w := httptest.NewRecorder()
		status.Handler(b).ServeHTTP(w, r)
		return w.Code
	}
	for _, remote := range []string{"192.0.2.7:1234", "[2001:db8::1]:1234", "nonsense"} {
		assert.Equal(t, http.StatusForbidden, answers(remote, "secret"), remote)
	}
	assert.Empty(t, h.take())
	assert.Equal(t, http.StatusOK, answers("127.0.0.1:1234", "secret"))
	assert.Equal(t, http.StatusOK, answers("[::1]:1234", "secret"))

	b.SetOperator(h, status.Admin{Enabled: true, Token: "secret", AllowRemote: true})
	assert.Equal(t, http.StatusOK, answers("192.0.2.7:1234", "secret"))
	assert.Equal(t, http.StatusUnauthorized, answers("192.0.2.7:1234", "guess"))
	assert.Equal(t, []string{"192.0.2.7:1234", "192.0.2.7:1234"}, h.remotes[len(h.remotes)-2:], "who asked, and who was refused")
	assert.Equal(t, "/inputs/ticks/pause: the bearer token is not the one of status_server.admin.token", h.refusals[len(h.refusals)-1])
	assert.Contains(t, h.refusals[0], "allow_remote is false")
}

// Streams that share a listener: a label means each of them, a stream one, and
// a token those that have it.
func TestOperatorOfSeveralStreams(t *testing.T) {
	a, handA := operated("a", "secret")
	b, handB := operated("b", "secret")
	c, handC := operated("c", "other")
	a.Input("only_a", status.KindNATS)
	url := served(t, free(t), a, b, c)
	for _, test := range []struct {
		path, token string
		a, b, c     []string
	}{
		{"/inputs/ticks/pause", "secret", []string{"pause ticks"}, []string{"pause ticks"}, nil},
		{"/inputs/ticks/pause?stream=b", "secret", nil, []string{"pause ticks"}, nil},
		{"/inputs/only_a/resume", "secret", []string{"resume only_a"}, nil, nil},
		{"/inputs/resume", "secret", []string{"resume all"}, []string{"resume all"}, nil},
		{"/inputs/pause?stream=a", "secret", []string{"pause all"}, nil, nil},
		{"/inputs/pause", "other", nil, nil, []string{"pause all"}},
	} {
		code, answer, _ := post(t, http.MethodPost, url+test.path, test.token)
		assert.Equal(t, http.StatusOK, code, test.path)
		assert.Equal(t, [][]string{test.a, test.b, test.c}, [][]string{handA.take(), handB.take(), handC.take()}, test.path)
		for name := range answer["inputs"].(map[string]any) {
			assert.Regexp(t, `^[abc]\.`, name)
		}
	}
	code, _, _ := post(t, http.MethodPost, url+"/inputs/pause?stream=c", "secret")
	assert.Equal(t, http.StatusNotFound, code, "of a stream with another token nothing is told")
}
