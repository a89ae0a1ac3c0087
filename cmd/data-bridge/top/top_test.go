package top

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC
	goleak.VerifyTestMain(m)
}

// recorded are the events of a bridge that ran: of one that flowed, and of one with two
// streams while ClickHouse was frozen and an operator held an input.
func recorded(t *testing.T, name string) []event {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".events"))
	require.NoError(t, err)
	var all []event
	assert.ErrorIs(t, scan(bytes.NewReader(text), func(e event) error {
		all = append(all, e)
		return nil
	}), errEnded)
	require.NotEmpty(t, all)
	return all
}

func stateOf(t *testing.T, name string) *state {
	t.Helper()
	var s state
	for _, e := range recorded(t, name) {
		require.NoError(t, s.take(e))
	}
	return &s
}

// What is shown of recorded events, at the widths of terminals. TOP_GOLDEN=1 writes it
// anew, to be read.
func TestFramesOfRecordedEvents(t *testing.T) {
	for _, name := range []string{"flowing", "frozen"} {
		s := stateOf(t, name)
		for _, width := range []int{40, 80, 132} {
			v := view{width: width, plain: true, now: s.time}
			lines := v.once(s, false)
			path := filepath.Join("testdata", fmt.Sprintf("%s-%d.golden", name, width))
			frame := strings.Join(lines, "\n") + "\n"
			if os.Getenv("TOP_GOLDEN") != "" {
				require.NoError(t, os.WriteFile(path, []byte(frame), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), frame, path)
			for _, line := range lines {
				assert.LessOrEqual(t, ansi.StringWidth(line), width, line)
				assert.NotContains(t, line, "\x1b", "plain is plain")
			}
		}
	}
}

// Whatever the width is, the state is said first, and nothing is broken.
func TestNoTerminalIsTooNarrow(t *testing.T) {
	s := stateOf(t, "frozen")
	for width := 1; width < 200; width++ {
		for _, plain := range []bool{true, false} {
			for _, line := range (view{width: width, plain: plain, now: s.time}).once(s, false) {
				require.LessOrEqual(t, ansi.StringWidth(line), width)
			}
		}
	}
}

// A bridge of before it told its state is shown all the same.
func TestABridgeThatDoesNotTellItsState(t *testing.T) {
	s := stateOf(t, "flowing")
	e := recorded(t, "flowing")[0]
	_, rest, found := bytes.Cut(e.data, []byte(`"verdict":{`))
	require.True(t, found)
	_, rest, _ = bytes.Cut(rest, []byte(`},`))
	e.data = append([]byte(`{"time":"2026-01-01T00:00:00Z","started":"2026-01-01T00:00:00Z","streams":[{"id":"",`), rest...)
	require.NoError(t, s.take(e))
	frame := strings.Join(view{width: 120, plain: true, now: s.time}.once(s, false), "\n")
	assert.Contains(t, frame, "Unknown: Its state is not told: the bridge is older than this program\n")
	assert.Contains(t, frame, "Dead letters 1")
}

// full is a board whose figures all differ.
func full() *status.Board {
	b := status.NewBoard("prices")
	in := b.Input("ticks", status.KindKafka)
	in.Link.Up()
	in.Received.Store(1101)
	in.Accepted.Store(1102)
	in.Dropped.Store(1103)
	in.Lost.Store(1107)
	in.LoseAtStop(1112)
	in.Level.Store(1108)
	in.SetLag(1109)
	in.SetShare(status.GroupMember, 1113)
	in.Configure([]status.Setting{{Name: "topics", Value: []string{"a", "b"}}, {Name: "batch.count", Value: 1201}, {Name: "exactly_once", Value: true}})
	out := b.Output("clickhouse")
	out.Link.Up()
	table := out.Table("prices_table")
	table.Rows.Store(1301)
	table.Batches.Store(1302)
	table.Retries.Store(1303)
	table.DeadLetters.Store(1304)
	table.ProcessorErrors.Store(1305)
	table.Held.Store(1306)
	table.SetQueue(status.Queue{Batches: 2, Rows: 1307, Attempts: 1308, Since: time.Now().Add(-90 * time.Minute), Err: "x"})
	out.AwaitRepair(1309)
	out.AwaitLetters(1310)
	out.Report(status.Incident{Table: "prices_table", Column: "bid", Class: "dead letter", Message: "not a number\x1b]0;owned\a", Count: 1311})
	b.BeginPause(status.ReasonLevel, "", 1, 1)
	b.SetBuffer(func() status.Buffer {
		return status.Buffer{
			Level: 1401, MaxSize: 1402, PauseThreshold: 1403, YieldThreshold: 1404, ResumeThreshold: 1405, Bytes: 1406, MaxBytes: 100 << 20,
			OldestSince: time.Now().Add(-time.Hour - 5*time.Minute), AlertAfter: time.Hour, LinkGrace: time.Hour, Active: true, LastPause: time.Now(),
			Alerts:    &status.Alerts{Sent: 1501, Lost: 1502, Waiting: 1503, Error: "refused"},
			Overrides: []status.Override{{Setting: "pause_threshold", Configured: 1602, Current: 1601}},
		}
	})
	return b
}

// What the bridge tells of is what is shown: each figure, under the name that the page
// has for it.
func TestEveryFigureIsShown(t *testing.T) {
	addr, leave, err := status.NewServers().Serve("127.0.0.1:0", full())
	require.NoError(t, err)
	defer leave()
	t.Setenv("COLUMNS", "220")
	var out strings.Builder
	require.NoError(t, Run(t.Context(), options(t, "--address", addr.String()), &out))
	text := out.String()
	for _, words := range []string{
		"prices  Paused: the buffer is full, since ", "Oldest record 1 h 5 min", "Level", "1,401 of 1,402 (100%)", "1.4 KiB of 100 MiB (<1%)",
		"pauses above 1,403, yields at 1,404, resumes below 1,405", "until the level falls below 1,405 records",
		"Retry rows 1,307", "Held rows 1,306", "Parked rows 1,309", "Discarded 1,103", "Lost 1,107", "Lost at stops 1,112", "Processor errors 1,305", "Dead letters 1,304",
		"Dead letters waiting 1,310", "Alerts sent 1,501, waiting 1,503, lost 1,502", "Pauses in 24 h 1",
		"Lost: see docs/runbook.md#databridgerecordslost", "Lost at stops, of all streams since the process started: see docs/runbook.md#databridgelostatstop",
		"pause_threshold is 1,601, configured is 1,602", "2 batches wait to be tried again.", "Alerts are not delivered (1,502 lost): refused", "retrying, attempt 1,308",
		"clickhouse > prices_table > bid  dead letter  x1,311  not a number",
	} {
		assert.Contains(t, text, words)
	}
	for _, row := range []string{
		`(?m)^ticks +kafka +running +0 +1,101 +1,102 +1,103 +1,107 +1,112 +1,108 +1,113 +1,109$`,
		`(?m)^prices_table +clickhouse +retrying, attempt 1,308 +0 +1,301 +1,302 +- +1,303 +1,307 +1,306 +1 h 30 min +1,305 +1,304$`,
	} {
		assert.Regexp(t, row, text)
	}
	assert.NotContains(t, text, "owned", "what comes from a server does not command the terminal")
	assert.NotContains(t, text, "\x1b")
	assert.NotContains(t, text, "prices.ticks", "within a stream its name says nothing")
}

// How an input stands with its group is said where that keeps it from reading.
func TestStatesOfInputs(t *testing.T) {
	for group, want := range map[string]string{
		"": "running", status.GroupMember: "running", status.GroupJoining: "joining its group", status.GroupRebalancing: "rebalancing",
	} {
		assert.Equal(t, want, input{Connected: true, Group: group}.state().text)
		assert.Equal(t, "paused", input{Connected: true, Paused: true, Group: group}.state().text)
		assert.Equal(t, "disconnected", input{Group: group}.state().text)
	}
}

// options are what the command makes of its arguments.
func options(t *testing.T, args ...string) Options {
	t.Helper()
	o, err := parsed(t, nil, args...)
	require.NoError(t, err)
	return o
}

func parsed(t *testing.T, vars map[string]string, args ...string) (o Options, err error) {
	t.Helper()
	app := &cli.App{Flags: flags(), Writer: &strings.Builder{}, Action: func(c *cli.Context) error {
		o, err = parse(c, func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
		return nil
	}}
	require.NoError(t, app.RunContext(t.Context(), append([]string{"top"}, args...)))
	return o, err
}

func TestArguments(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	for _, c := range []struct {
		args []string
		vars map[string]string
		says string
	}{
		{args: []string{"--address", "ftp://x"}, says: "--address (ftp://x) is neither http nor https"},
		{args: []string{"--address", "http://"}, says: "names no host"},
		{args: []string{"--address", ":8080"}, says: "names no host"},
		{args: []string{"--address", "http://u:geheim@h"}, says: "holds a user, which others can read: set STATUS_USERNAME"},
		{args: []string{"http://h"}, says: "the address is given by --address"},
		{args: []string{"--password-file", empty}, says: "--password-file (" + empty + ") is empty"},
		{args: []string{"--token-file", empty + "x"}, says: "--token-file: open"},
		{args: []string{"--ca-file", empty}, says: "--ca-file (" + empty + ") holds no certificate in PEM"},
		{vars: map[string]string{varPassword: "p"}, says: "there is a password and no user: set STATUS_USERNAME"},
	} {
		_, err := parsed(t, c.vars, c.args...)
		require.ErrorContains(t, err, c.says)
		assert.NotContains(t, err.Error(), "geheim")
	}
	for address, events := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080/events", "https://h/bridge/": "https://h/bridge/events", "[::1]:8080": "http://[::1]:8080/events", "h": "http://h/events",
	} {
		assert.Equal(t, events, options(t, "--address", address).Events.String())
	}
}

// The listener's own ways to ask who comes: by password and by token, from variables and
// from files.
func TestCredentials(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("geheim\n"), 0o600))
	addr, leave, err := status.NewServers().Listen(status.Listener{
		Address: "127.0.0.1:0", Username: "op", Password: status.Secret{Value: "geheim"}, Bearer: status.Secret{Value: "geheim"},
	}, status.NewBoard(""))
	require.NoError(t, err)
	defer leave()
	for _, c := range []struct {
		vars map[string]string
		args []string
		says string // nothing where it is let in
	}{
		{says: "it asks for a user and a password (set STATUS_USERNAME and STATUS_PASSWORD) or a token (set STATUS_TOKEN)"},
		{vars: map[string]string{varPassword: "wrong"}, args: []string{"--username", "op"}, says: "it does not take the credentials; it asks for a user"},
		{vars: map[string]string{varToken: "wrong"}, says: "it does not take the credentials"},
		{vars: map[string]string{varPassword: "geheim"}, args: []string{"--username", "op"}},
		{vars: map[string]string{varToken: "geheim"}},
		{args: []string{"--username", "op", "--password-file", file}},
		{args: []string{"--token-file", file}},
	} {
		o, err := parsed(t, c.vars, append(c.args, "--once", "--address", addr.String())...)
		require.NoError(t, err)
		var out strings.Builder
		err = Run(t.Context(), o, &out)
		if c.says == "" {
			require.NoError(t, err)
			assert.Contains(t, out.String(), "data-bridge")
			continue
		}
		require.ErrorContains(t, err, c.says)
		require.ErrorIs(t, err, errRefused)
		assert.Contains(t, err.Error(), "reading http://"+addr.String()+"/events: ")
		assert.Empty(t, out.String())
		assert.NotContains(t, err.Error(), "geheim")
	}
}

// beginning is the first event of an empty bridge.
func beginning(t *testing.T) string {
	t.Helper()
	data, err := json.Marshal(status.Update{Streams: []status.StreamUpdate{}})
	require.NoError(t, err)
	return "event: begin\ndata: " + string(data) + "\n\n"
}

func TestWhatAnswersIsNoBridge(t *testing.T) {
	var served []string
	answer := func(w http.ResponseWriter, r *http.Request) {
		served = append(served, r.Host+r.URL.Path)
		switch r.URL.Path {
		case "/page/events":
			fmt.Fprint(w, "<html>")
		case "/away/events":
			http.Redirect(w, r, "/events", http.StatusFound)
		case "/bad/events":
			w.WriteHeader(http.StatusBadGateway)
		case "/torn/events":
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "event: begin\ndata: {")
		case "/odd/events":
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "event: begin\ndata: {\n\n")
		default:
			http.NotFound(w, r)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(answer))
	defer server.Close()
	for path, says := range map[string]string{
		"/page": "what answers is no status listener of data-bridge",
		"/away": "it answers 302 Found: is that the address of a status listener",
		"/bad":  "it answers 502 Bad Gateway",
		"/torn": "it ended the connection",
		"/odd":  "what it sends is not understood",
		"":      "it answers 404 Not Found: is that the address of a status listener",
	} {
		var out strings.Builder
		err := Run(t.Context(), options(t, "--once", "--address", server.URL+path), &out)
		require.ErrorContains(t, err, says, path)
		assert.Empty(t, out.String())
	}
	assert.Len(t, served, 6, "and no redirect is followed with credentials")
	server.Close()
	err := Run(t.Context(), options(t, "--once", "--address", server.URL), &strings.Builder{})
	require.ErrorContains(t, err, "connection refused")
}

func TestCertificatesAreChecked(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, beginning(t))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	run := func(args ...string) error {
		return Run(t.Context(), options(t, append(args, "--once", "--address", server.URL)...), &strings.Builder{})
	}
	require.ErrorContains(t, run(), "certificate")
	require.NoError(t, run("--ca-file", ca))
	require.NoError(t, run("--insecure"))
}

func TestAStreamThatDoesNotRunIsSaid(t *testing.T) {
	addr, leave, err := status.NewServers().Serve("127.0.0.1:0", full())
	require.NoError(t, err)
	defer leave()
	err = Run(t.Context(), options(t, "--address", addr.String(), "--stream", "news"), &strings.Builder{})
	require.ErrorContains(t, err, "--stream (news) does not run there; what does: prices")
	require.NoError(t, Run(t.Context(), options(t, "--address", addr.String(), "--stream", "prices"), &strings.Builder{}))
}

// canceled is a context that is over.
func canceled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
