package status_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// soon is a timeout of the listener in tests that wait for it, slowest bounds the wait.
const (
	soon    = 100 * time.Millisecond
	slowest = time.Minute
)

// dial opens a connection and sends what it is given.
func dial(t *testing.T, addr net.Addr, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	_, err = io.WriteString(c, text)
	require.NoError(t, err)
	return c
}

// ends waits until the other side has closed a connection.
func ends(t *testing.T, c net.Conn) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(slowest)))
	_, err := io.Copy(io.Discard, c)
	if err, ok := err.(net.Error); ok { //nolint:errorlint // as the connection has it
		require.False(t, err.Timeout(), "the connection is still open")
	}
}

// Nobody holds a connection for nothing: neither who says nothing, nor who stops in the
// middle of a request, nor who has had an answer.
func TestIdleConnectionsAreClosed(t *testing.T) {
	addr, leave, err := status.NewServersWithin(soon).Serve("127.0.0.1:0", example())
	require.NoError(t, err)
	defer leave()
	for name, text := range map[string]string{
		"silent":                 "",
		"in the middle":          "GET /health HT",
		"a header without end":   "GET /health HTTP/1.1\r\nHost: x\r\nX: ",
		"a body that never came": "POST /inputs/pause HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
		"answered":               "GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) { ends(t, dial(t, addr, text)) })
	}
}

// The timeouts of a request do not end the events.
func TestEventsOutlastTheTimeouts(t *testing.T) {
	addr, leave, err := status.NewServersWithin(soon).Serve("127.0.0.1:0", example())
	require.NoError(t, err)
	defer leave()
	r := follow(t, t.Context(), "http://"+addr.String())
	assert.Equal(t, "begin", r.must().name)
	for range 3 { // a second each
		assert.Equal(t, "update", r.must().name)
	}
}

// However many connections are opened, few are held, and an operator gets in.
func TestConnectionsAreBounded(t *testing.T) {
	const never = time.Hour // it is not the timeouts that end them
	addr, leave, err := status.NewServersWithin(never).Serve("127.0.0.1:0", example())
	require.NoError(t, err)
	defer leave()
	reader := follow(t, t.Context(), "http://"+addr.String())
	reader.must()
	var held []net.Conn
	for range 200 {
		held = append(held, dial(t, addr, ""))
	}
	for _, c := range held[:200-64] {
		ends(t, c)
	}
	code, _, _ := get(t, http.MethodGet, "http://"+addr.String()+"/health")
	assert.Equal(t, http.StatusOK, code)
	reader.must() // who is being answered goes last

	// The newest of them is still there.
	last := held[199]
	_, err = io.WriteString(last, "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(last), nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, resp.Body.Close())
}
