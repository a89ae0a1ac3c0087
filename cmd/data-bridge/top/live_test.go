package top

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newModel(t *testing.T) *model {
	t.Helper()
	m := &model{client: newClient(options(t)), clock: time.Now()}
	m.send(tea.WindowSizeMsg{Width: 100, Height: 40})
	return m
}

// send gives messages to the model and reports whether it wants to end.
func (m *model) send(msgs ...tea.Msg) (over bool) {
	for _, msg := range msgs {
		if _, cmd := m.Update(msg); cmd != nil {
			if _, tick := msg.(tickMsg); !tick {
				_, over = cmd().(tea.QuitMsg)
			}
		}
	}
	return over
}

func key(text string) tea.Msg {
	switch text {
	case "tab":
		return tea.KeyPressMsg{Code: tea.KeyTab}
	case "down":
		return tea.KeyPressMsg{Code: tea.KeyDown}
	case "up":
		return tea.KeyPressMsg{Code: tea.KeyUp}
	case "ctrl+c":
		return tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: rune(text[0]), Text: text}
}

func (m *model) text() string { return ansi.Strip(m.View().Content) }

func TestStreamsAreSwitched(t *testing.T) {
	m := newModel(t)
	assert.Contains(t, m.text(), "Connecting to 127.0.0.1:8080")
	for _, e := range recorded(t, "frozen") {
		require.False(t, m.send(eventMsg{e}))
	}
	assert.Contains(t, m.text(), "[prices: unhealthy]  news: paused")
	assert.Contains(t, m.text(), "prices  Unhealthy, and paused, since ")
	m.send(key("tab"))
	assert.Contains(t, m.text(), "prices: unhealthy  [news: paused]")
	assert.Contains(t, m.text(), "news  Paused by an operator, since ")
	m.send(key("tab"))
	assert.Contains(t, m.text(), "[prices: unhealthy]")
	m.send(key("h"))
	assert.Contains(t, m.text(), "[news: paused]")

	m.send(key("c"))
	assert.Regexp(t, `max_buffer_size +[\d,]+`, m.text())
	assert.NotContains(t, m.text(), "Oldest record")
	m.send(key("c"))
	assert.Contains(t, m.text(), "Oldest record")
}

func TestKeysThatEnd(t *testing.T) {
	for _, k := range []string{"q", "ctrl+c"} {
		assert.True(t, newModel(t).send(key(k)), k)
	}
	assert.False(t, newModel(t).send(key("x")))
}

// What does not fit is scrolled to, and the head stays.
func TestWhatDoesNotFitIsScrolledTo(t *testing.T) {
	m := newModel(t)
	for _, e := range recorded(t, "flowing") {
		m.send(eventMsg{e})
	}
	m.send(tea.WindowSizeMsg{Width: 80, Height: 10})
	require.Len(t, strings.Split(m.text(), "\n"), 10)
	assert.Contains(t, m.text(), "Data is flowing")
	assert.NotContains(t, m.text(), "TABLE")
	for range 100 {
		m.send(key("down"))
		m.text()
	}
	require.Len(t, strings.Split(m.text(), "\n"), 10)
	assert.Contains(t, m.text(), "TABLE")
	assert.Contains(t, m.text(), "data-bridge")
	for range 100 {
		m.send(key("up"))
		m.text()
	}
	assert.Contains(t, m.text(), "Data is flowing")
}

func TestNoColour(t *testing.T) {
	m := newModel(t)
	for _, e := range recorded(t, "frozen") {
		m.send(eventMsg{e})
	}
	assert.Contains(t, m.View().Content, "\x1b[33m")
	m.plain = true
	assert.NotContains(t, m.View().Content, "\x1b")
}

// A bridge that is away is said to be, since when and why, with what was known; the
// first event of a new connection begins anew.
func TestLossIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newModel(t)
		events := recorded(t, "flowing")
		m.send(eventMsg{events[0]})
		m.send(lostMsg{errors.New("connection refused"), time.Now().Add(4 * time.Second)})
		at := clock(time.Now())
		time.Sleep(3 * time.Second)
		m.send(tickMsg(time.Now()))
		assert.Contains(t, m.text(), "Lost the bridge at "+at+", 3 s ago: connection refused. Trying again in 1 s;")
		assert.Contains(t, m.text(), "Data is flowing", "what was known is there")
		m.send(lostMsg{errors.New("still away"), time.Now().Add(8 * time.Second)})
		assert.Contains(t, m.text(), "Lost the bridge at "+at+", 3 s ago: still away. Trying again in 8 s;")
		m.send(eventMsg{events[0]})
		assert.NotContains(t, m.text(), "Lost the bridge")
	})
}

func TestAStreamThatWasAskedForMustRun(t *testing.T) {
	m := newModel(t)
	m.want = "nothing"
	assert.True(t, m.send(eventMsg{recorded(t, "frozen")[0]}))
	require.ErrorContains(t, m.err, "what does: prices, news")
}

// The reader connects again whenever a connection ends, and gives up where that does
// not help.
func TestReconnects(t *testing.T) {
	var connections atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch connections.Add(1) {
		case 1, 2: // and ends
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, beginning(t))
		default:
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	var told []string
	follow(t.Context(), newClient(options(t, "--address", server.URL)), func(msg tea.Msg) {
		switch msg := msg.(type) {
		case eventMsg:
			told = append(told, msg.event.name)
		case lostMsg:
			told = append(told, msg.err.Error())
		case brokenMsg:
			told = append(told, "end: "+msg.err.Error())
		}
	})
	assert.Equal(t, []string{
		"begin", "it ended the connection", "begin", "it ended the connection",
		"end: reading " + server.URL + "/events: it asks for a token (set STATUS_TOKEN)",
	}, told)
}

func TestAFirstConnectionThatFailsIsTheEnd(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	var told []tea.Msg
	c := newClient(options(t, "--address", server.URL))
	follow(t.Context(), c, func(msg tea.Msg) { told = append(told, msg) })
	require.Len(t, told, 1)
	require.ErrorContains(t, told[0].(brokenMsg).err, "connection refused")
	follow(canceled(t), c, func(tea.Msg) { t.Error("somebody ended it") })
}

func TestBackOff(t *testing.T) {
	var b backOff
	var waits []time.Duration
	for range 6 {
		waits = append(waits, b.next(errEnded)/time.Second)
	}
	assert.Equal(t, []time.Duration{1, 2, 4, 8, 15, 15}, waits)
	assert.Equal(t, crowded, b.next(errFull), "the place of the next one is not taken at once")
}

// A connection on which nothing comes is no connection.
func TestSilenceIsALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		c := newClient(options(t))
		c.http.Transport = silent{}
		var events int
		err := c.read(t.Context(), func(event) error { events++; return nil })
		require.ErrorIs(t, err, errSilent)
		assert.Equal(t, 1, events)
		assert.Equal(t, silence, time.Since(begun))
	})
}

// silent answers with one event, and no more until the request is over.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/event-stream")
	resp := w.Result()
	resp.Body = &silentBody{first: strings.NewReader("event: begin\ndata: {}\n\n"), over: r.Context().Done()}
	return resp, nil
}

type silentBody struct {
	first *strings.Reader
	over  <-chan struct{}
}

func (b *silentBody) Read(p []byte) (int, error) {
	if b.first.Len() > 0 {
		return b.first.Read(p)
	}
	<-b.over
	return 0, errors.New("the request is over")
}

func (b *silentBody) Close() error { return nil }
