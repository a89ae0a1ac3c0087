package status_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// event is one server-sent event as a browser takes it.
type event struct {
	name, retry string
	update      map[string]any
}

func (e event) streams() (all []map[string]any) {
	for _, s := range e.update["streams"].([]any) {
		all = append(all, s.(map[string]any))
	}
	return all
}

// reader reads the events of a listener.
type reader struct {
	t    *testing.T
	resp *http.Response
	scan *bufio.Scanner
}

var eventClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func follow(t *testing.T, ctx context.Context, site string) *reader { //nolint:revive // the test comes first everywhere
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, site+"/events", nil)
	require.NoError(t, err)
	resp, err := eventClient.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	s := bufio.NewScanner(resp.Body)
	s.Buffer(nil, 8<<20)
	return &reader{t, resp, s}
}

// next reads one event, field by field to the empty line; ok is false at the
// end of the stream.
func (r *reader) next() (e event, ok bool) {
	r.t.Helper()
	for r.scan.Scan() {
		field, value, _ := strings.Cut(r.scan.Text(), ": ")
		switch field {
		case "event":
			e.name = value
		case "retry":
			e.retry = value
		case "data":
			require.NoError(r.t, json.Unmarshal([]byte(value), &e.update))
		case "":
			return e, true
		default:
			require.Fail(r.t, "not a field of an event", r.scan.Text())
		}
	}
	return e, false
}

func (r *reader) must() event {
	r.t.Helper()
	e, ok := r.next()
	require.True(r.t, ok, "the stream ended")
	return e
}

func TestEventsBeginWithEverythingAndGoOnWithWhatIsNew(t *testing.T) {
	b := example()
	out := b.Output("clickhouse")
	out.Report(status.Incident{Table: "ticks", Class: "retry", Message: "first", Count: 1})
	b.BeginPause(status.ReasonOperator, "ticks", 1, 1)
	b.EndPauses(func(status.Pause) bool { return true })
	b.BeginPause(status.ReasonLevel, "", 7, 70)
	site := serve(t, b)

	r := follow(t, t.Context(), site)
	assert.Equal(t, "text/event-stream", r.resp.Header.Get("Content-Type"))
	assert.Equal(t, "no-store", r.resp.Header.Get("Cache-Control"))
	first := r.must()
	assert.Equal(t, "begin", first.name)
	assert.Equal(t, "1000", first.retry)
	s := first.streams()[0]
	assert.Len(t, s["incidents"], 1)
	pauses := s["pauses"].(map[string]any)
	assert.Len(t, pauses["pauses"], 2)
	assert.EqualValues(t, 2, pauses["total"].(map[string]any)["count"])
	want, err := json.Marshal(b.Health())
	require.NoError(t, err)
	got, err := json.Marshal(s["health"])
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(got), "what /health says")

	out.Report(status.Incident{Table: "ticks", Class: "retry", Message: "second", Count: 1})
	for news := 0; news == 0; {
		e := r.must()
		assert.Equal(t, "update", e.name)
		for _, i := range e.streams()[0]["incidents"].([]any) {
			news++
			assert.Equal(t, "second", i.(map[string]any)["message"], "the first one has been told")
		}
		assert.LessOrEqual(t, len(e.streams()[0]["samples"].(map[string]any)["time"].([]any)), 1)
	}

	other := follow(t, t.Context(), site).must()
	host, err := os.Hostname()
	require.NoError(t, err)
	assert.Equal(t, host, other.update["host"])
	assert.Equal(t, "begin", other.name)
	assert.Len(t, other.streams()[0]["incidents"], 2, "who comes later hears all of it")
	assert.NotEmpty(t, other.streams()[0]["samples"].(map[string]any)["time"])
}

// What is configured is told at the start of a connection and when it has changed, in
// the order of the way of a record.
func TestEventsTellWhatIsConfigured(t *testing.T) {
	b := status.NewBoard("")
	b.Output("clickhouse").Configure([]status.Setting{{Name: "table", Value: "ticks"}})
	b.Configure([]status.Setting{{Name: "max_buffer_size", Value: 50000}, {Name: "enabled", Value: true}})
	b.Input("ticks", status.KindNATS).Configure([]status.Setting{{Name: "subjects", Value: []string{"a", "b"}}})
	s := status.NewServers()
	s.SetVersion("1.2.3")
	addr, leave, err := s.Serve("127.0.0.1:0", b)
	require.NoError(t, err)
	defer leave()
	r := follow(t, t.Context(), "http://"+addr.String())
	first := r.must()
	assert.Equal(t, "1.2.3", first.update["version"])
	config := func(e event) string {
		text, err := json.Marshal(e.streams()[0]["config"])
		require.NoError(t, err)
		return string(text)
	}
	assert.JSONEq(t, `[
		{"component": "input ticks", "settings": [{"name": "subjects", "value": ["a", "b"]}]},
		{"component": "buffer", "settings": [{"name": "max_buffer_size", "value": 50000}, {"name": "enabled", "value": true}]},
		{"component": "output clickhouse", "settings": [{"name": "table", "value": "ticks"}]}
	]`, config(first))
	assert.Equal(t, "null", config(r.must()), "it has been told")
	b.Output("clickhouse").Configure([]status.Setting{{Name: "table", Value: "prices"}})
	e := r.must()
	for config(e) == "null" {
		e = r.must()
	}
	assert.Contains(t, config(e), "prices")
	assert.Contains(t, config(e), "max_buffer_size")
	assert.NotContains(t, config(e), `"ticks"}]`, "a reload takes the place of what was")
}

func TestEventsTellOfAllStreamsOfTheListener(t *testing.T) {
	a, b := status.NewBoard("a"), status.NewBoard("b")
	s := status.NewServers()
	const address = "127.0.0.1:0" // shared by those who name it
	addr, leaveA, err := s.Serve(address, a)
	require.NoError(t, err)
	r := follow(t, t.Context(), "http://"+addr.String())
	require.Len(t, r.must().streams(), 1)
	b.Output("o").Report(status.Incident{Class: "retry", Message: "before it was listed", Count: 1})
	_, leaveB, err := s.Serve(address, b)
	require.NoError(t, err)
	defer leaveB()
	e := r.must()
	for len(e.streams()) < 2 {
		e = r.must()
	}
	assert.Equal(t, "b", e.streams()[1]["id"])
	assert.Len(t, e.streams()[1]["incidents"], 1, "a stream that joins is told of from its beginning")
	leaveA()
	for len(e.streams()) == 2 {
		e = r.must()
	}
	assert.Equal(t, "b", e.streams()[0]["id"])
}

// Shutting down does not wait for those who listen: the test would hang, and
// goleak would see what is left.
func TestEventsEndWithTheListener(t *testing.T) {
	addr, leave, err := status.NewServers().Serve("127.0.0.1:0", example())
	require.NoError(t, err)
	var readers []*reader
	for range 5 {
		r := follow(t, context.Background(), "http://"+addr.String())
		r.must()
		readers = append(readers, r)
	}
	leave()
	for _, r := range readers {
		for ok := true; ok; {
			_, ok = r.next()
		}
		assert.NoError(t, r.scan.Err(), "the answer is complete, not torn")
	}
}

// Whoever comes is let in: the reader that came first makes room, is told why, and
// nobody else notices.
func TestTheOldestReaderOfEventsMakesRoom(t *testing.T) {
	servers := status.NewServers()
	addr, leave, err := servers.Serve("127.0.0.1:0", example())
	require.NoError(t, err)
	defer leave()
	site := "http://" + addr.String()
	var readers []*reader
	for range 32 {
		r := follow(t, t.Context(), site)
		r.must()
		readers = append(readers, r)
	}
	for _, oldest := range readers[:2] {
		r := follow(t, t.Context(), site)
		assert.Equal(t, http.StatusOK, r.resp.StatusCode)
		assert.Equal(t, "begin", r.must().name)
		e := oldest.must()
		for e.name == "update" {
			e = oldest.must()
		}
		assert.Equal(t, "full", e.name)
		assert.Equal(t, "30000", e.retry, "it does not push the next one out at once")
		_, more := oldest.next()
		assert.False(t, more)
		readers = append(readers, r)
	}
	for _, r := range readers[2:] {
		assert.Equal(t, "update", r.must().name)
	}
	assert.Equal(t, 32, status.Clients(servers))
}

// Somebody who does not read is dropped once the network holds no more for
// them, and nobody else notices.
func TestASlowReaderIsDropped(t *testing.T) {
	b := example()
	for i := range 2000 { // an event that no buffer of a socket holds many of
		b.Output("clickhouse").Table(strings.Repeat("t", 100) + strings.Repeat("x", i)).Rows.Add(1)
	}
	s := status.NewServers()
	addr, leave, err := s.Serve("127.0.0.1:0", b)
	require.NoError(t, err)
	defer leave()
	conn, err := net.Dial("tcp", addr.String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("GET /events HTTP/1.1\r\nHost: x\r\n\r\n"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return status.Clients(s) == 1 }, 3*time.Minute, time.Millisecond)
	r := follow(t, t.Context(), "http://"+addr.String())
	r.must()
	require.Eventually(t, func() bool { return r.must().name == "update" && status.Clients(s) == 1 }, 3*time.Minute, time.Millisecond)
	r.must()
}
