package status_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func get(t *testing.T, method, url string) (int, string, http.Header) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body), resp.Header
}

func TestServerAnswersHealth(t *testing.T) {
	s := status.NewServers()
	addr, leave, err := s.Serve("127.0.0.1:0", example())
	require.NoError(t, err)
	defer leave()
	code, body, header := get(t, http.MethodGet, "http://"+addr.String()+"/health")
	assert.Equal(t, http.StatusOK, code)
	assert.Equal(t, "application/json", header.Get("Content-Type"))
	want, err := json.Marshal(example().Health())
	require.NoError(t, err)
	assert.JSONEq(t, string(want), body)

	code, _, _ = get(t, http.MethodHead, "http://"+addr.String()+"/health")
	assert.Equal(t, http.StatusOK, code)
	code, _, _ = get(t, http.MethodPost, "http://"+addr.String()+"/health")
	assert.Equal(t, http.StatusMethodNotAllowed, code)
	code, _, _ = get(t, http.MethodGet, "http://"+addr.String()+"/other")
	assert.Equal(t, http.StatusNotFound, code)
}

func TestServerAnswers503WhenUnhealthy(t *testing.T) {
	b := status.NewBoard("")
	b.SetBuffer(func() status.Buffer { return status.Buffer{Active: true, LastPause: time.Unix(0, 0)} })
	addr, leave, err := status.NewServers().Serve("127.0.0.1:0", b)
	require.NoError(t, err)
	defer leave()
	code, body, _ := get(t, http.MethodGet, "http://"+addr.String()+"/health")
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.Contains(t, body, `"status":"unhealthy"`)
	assert.Contains(t, body, "longer than alert_after")
}

func TestStreamsShareAListenerAndTheLastOneClosesIt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	s := status.NewServers()
	require.ErrorContains(t, s.Check(status.Listener{Address: address}), address)
	require.NoError(t, l.Close())
	require.NoError(t, s.Check(status.Listener{Address: address}))

	_, leaveA, err := s.Serve(address, status.NewBoard("a"))
	require.NoError(t, err)
	b := status.NewBoard("b")
	b.Input("x", status.KindNATS)
	require.NoError(t, s.Check(status.Listener{Address: address}), "shared with ourselves")
	_, leaveB, err := s.Serve(address, b)
	require.NoError(t, err)
	leaveA()
	leaveA()
	_, body, _ := get(t, http.MethodGet, "http://"+address+"/health")
	assert.Contains(t, body, "b.x")
	leaveB()
	_, err = net.DialTimeout("tcp", address, time.Second)
	require.Error(t, err)
	_, _, err = s.Serve("127.0.0.1:99999", b)
	require.ErrorContains(t, err, "127.0.0.1:99999")
}

func TestLookup(t *testing.T) {
	res := service.MockResources()
	board := status.Of(res, "")
	assert.Same(t, board, status.Of(res, ""))
	assert.NotSame(t, status.Of(res, ""), status.Of(res, "named"))
	servers := status.ServersOf(res)
	assert.Same(t, servers, status.ServersOf(res))
	in := board.Input("ticks", status.KindNATS)
	assert.Same(t, in, board.Input("ticks", status.KindNATS), "figures survive a reconnect")
	out := board.Output("o")
	assert.Same(t, out, board.Output("o"))
	assert.Same(t, in, status.OriginOf(in.Mark(context.Background())))
	assert.Nil(t, status.OriginOf(context.Background()))
}
