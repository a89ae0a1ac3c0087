//go:build unix

package replay

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tapped is a ClickHouse behind a proxy that looks at the inserts.
type tapped struct {
	// before is called ahead of an insert, and after when the server has it and the
	// answer is not on its way; they return false for an insert that gets no answer.
	before, after atomic.Pointer[func(nth int64) bool]
	inserts       atomic.Int64
}

func (r *rig) tap() *tapped {
	r.t.Helper()
	at, err := url.Parse("http://" + r.house.Addr())
	require.NoError(r.t, err)
	tap, on := &tapped{}, httputil.NewSingleHostReverseProxy(at)
	on.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Query().Get("insert_deduplication_token") == "" {
			on.ServeHTTP(w, req)
			return
		}
		nth := tap.inserts.Add(1)
		if f := tap.before.Load(); f != nil && !(*f)(nth) {
			panic(http.ErrAbortHandler)
		}
		answer := httptest.NewRecorder()
		on.ServeHTTP(answer, req)
		if f := tap.after.Load(); f != nil && !(*f)(nth) {
			panic(http.ErrAbortHandler)
		}
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	r.t.Cleanup(func() {
		server.Close()
		on.Transport = nil
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	r.addr = server.Listener.Addr().String()
	return tap
}

// A replay that is killed again and again, before an insert, when the server has it and
// the replay does not know, and when it has just got to know, stores each record once in
// a table that deduplicates, and leaves each line once that cannot be sent.
func TestAReplayThatIsKilledStoresNothingTwice(t *testing.T) {
	r := newRig(t)
	tap := r.tap()
	const records = 60
	path := r.write("dead.jsonl", recordsOf(1, records)...)
	lines := strings.SplitAfter(r.read(path), "\n")
	var torn []string
	for i := 15; i < records; i += 20 {
		torn = append(torn, "torn "+strconv.Itoa(i))
		lines[i] = torn[len(torn)-1] + "\n" + lines[i]
	}
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600))
	lives := 0
	for ; ; lives++ {
		kill := &sync.Once{}
		p := r.start(path)
		end := func(int64) bool {
			kill.Do(func() { assert.NoError(t, p.cmd.Process.Kill()) })
			return false
		}
		answered := func(int64) bool {
			go end(0)
			return true
		}
		second := tap.inserts.Load() + 2
		late := func(nth int64) bool { return nth < second || end(nth) } // one batch is settled
		var none func(int64) bool
		before, after := none, none
		switch lives % 4 {
		case 0:
			before = end
		case 1:
			after = end
		case 2:
			after = answered
		case 3:
			after = late
		}
		store(&tap.before, before)
		store(&tap.after, after)
		if code := p.wait(); code >= 0 {
			require.Equal(t, ExitLeft, code, "%s%s", &p.out, &p.err)
			break
		}
		require.Less(t, lives, 100)
	}
	t.Logf("%d lives, %d inserts", lives, tap.inserts.Load())
	assert.GreaterOrEqual(t, lives, 12)
	assert.Greater(t, tap.inserts.Load(), int64(records/r.letters), "some were repeated")
	assert.Equal(t, numbers(1, records), r.ids())
	assert.Equal(t, strings.Join(torn, "\n")+"\n", r.read(r.only("dead.jsonl.left-")))
	assert.Equal(t, []string{"dead.jsonl.left-T", "dead.jsonl.replayed-T"}, r.names())
}

func store(at *atomic.Pointer[func(int64) bool], f func(int64) bool) {
	if f == nil {
		at.Store(nil)
		return
	}
	at.Store(&f)
}
