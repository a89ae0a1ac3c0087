package clickhouse

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/logtest"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// pair is two servers with the same empty table.
func pair(t *testing.T) (a, b stack.ClickHouse, table string) {
	t.Helper()
	var both [2]stack.ClickHouse
	var wg sync.WaitGroup
	for i := range both {
		wg.Go(func() { both[i], _ = stack.StartClickHouse(t.Context(), stack.KindLegacy, stack.ClickHouseOptions{}) })
	}
	wg.Wait()
	for _, server := range both {
		require.NotNil(t, server, "a real ClickHouse is needed for this test")
		t.Cleanup(func() { require.NoError(t, server.Close()) })
		require.NoError(t, server.Exec(t.Context(), "CREATE TABLE default.ids (id UInt32) ENGINE = MergeTree ORDER BY id"))
	}
	return both[0], both[1], "ids"
}

func yamlForPair(t *testing.T, a, b stack.ClickHouse, table, more string) string {
	return strings.Replace(yamlFor(t, a, table, "dial_timeout: 2s\n"+more), `"`+a.Addr()+`"`, a.Addr()+", "+b.Addr(), 1)
}

func TestServersTakeOver(t *testing.T) {
	a, b, table := pair(t)
	count := func(server stack.ClickHouse) string {
		return query(t, server, "SELECT count() FROM default."+table)[0][0]
	}
	t.Run("spread", func(t *testing.T) {
		out := open(t, yamlForPair(t, a, b, table, "load_balancing: round_robin"))
		for i := range 20 {
			require.NoError(t, out.WriteBatch(t.Context(), records(fmt.Sprintf(`{"id":%d}`, i))))
		}
		require.Equal(t, "10", count(a))
		require.Equal(t, "10", count(b))
	})
	t.Run("failover", func(t *testing.T) {
		out := open(t, yamlForPair(t, a, b, table, ""))
		write := func() { require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1}`))) }
		write()
		require.Equal(t, "11", count(a), "in order: the first")
		require.NoError(t, a.Kill())
		for range 20 {
			write()
		}
		require.Equal(t, "30", count(b))
		require.Zero(t, out.board.DeadLetters())
		require.NoError(t, a.Start(t.Context()))
		require.Eventually(t, func() bool { write(); return count(a) != "11" }, long, 50*time.Millisecond,
			"the first is preferred again")
		before := count(b)
		write()
		require.Equal(t, before, count(b))
	})
	t.Run("starting without the first", func(t *testing.T) {
		require.NoError(t, a.Kill())
		out := open(t, yamlForPair(t, a, b, table, ""))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1}`)))
		require.NoError(t, b.Kill())
		err := connectError(t, yamlForPair(t, a, b, table, ""))
		require.ErrorContains(t, err, "cannot reach ClickHouse on "+a.Addr())
		require.ErrorContains(t, err, "cannot reach ClickHouse on "+b.Addr())
	})
}

// A server whose connections break in mid-insert is left for the other one;
// every row arrives at least once.
func TestABrokenLinkIsLeft(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindLegacy)
	table := newTable(t, server, "id UInt32")
	proxy, err := stack.Proxy(server.Addr())
	require.NoError(t, err)
	t.Cleanup(proxy.Close)
	yaml := strings.Replace(yamlFor(t, server, table, ""), `"`+server.Addr()+`"`, proxy.Addr()+", "+server.Addr(), 1)
	out := open(t, yaml)
	require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":0}`)))
	require.NoError(t, proxy.ResetPeer(0))
	for i := range 20 {
		require.NoError(t, out.WriteBatch(t.Context(), records(fmt.Sprintf(`{"id":%d}`, i+1))))
	}
	require.Equal(t, [][]string{{"21"}}, query(t, server, "SELECT uniqExact(id) FROM default."+table))
}

// nobody accepts connections and hangs up.
func nobody(t *testing.T) (address string, accepted *atomic.Int64) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	accepted = new(atomic.Int64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	return listener.Addr().String(), accepted
}

// A dead address in the list costs next to nothing, and two lines in the log.
func TestADeadAddressCostsLittle(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindLegacy)
	table := newTable(t, server, "id UInt32")
	dead, accepted := nobody(t)
	var text logtest.Text
	conf, err := spec().ParseYAML(strings.Replace(yamlFor(t, server, table, ""), `"`+server.Addr()+`"`, dead+", "+server.Addr(), 1), nil)
	require.NoError(t, err)
	out, err := newOutput(conf, service.MockResources(service.MockResourcesOptUseLogger(service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(&text, nil))))))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, out.Close(context.Background())) })
	require.NoError(t, out.Connect(t.Context()))
	for i := range 100 {
		require.NoError(t, out.WriteBatch(t.Context(), records(fmt.Sprintf(`{"id":%d}`, i))))
	}
	require.NotZero(t, accepted.Load())
	require.Less(t, accepted.Load(), int64(10), "connections for 100 inserts")
	require.Equal(t, 1, strings.Count(text.String(), "is lost"), text.String())
}

// A token travels in the header that servers expect, and nowhere else.
func TestJWTOverHTTPS(t *testing.T) {
	const token = "ey.secret.token"
	var authorization atomic.Value
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization.Store(r.Header.Get("Authorization"))
		w.Header().Set("X-ClickHouse-Exception-Code", "516")
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, "Code: 516. DB::Exception: %s: Authentication failed. (AUTHENTICATION_FAILED)", token)
	}))
	t.Cleanup(server.Close)
	err := connectError(t, "addresses: ['"+server.Listener.Addr().String()+"']\ntable: t\ndead_letter: {drop: {}}\n"+
		"protocol: http\ntls: {enabled: true, skip_cert_verify: true}\njwt: "+token)
	require.ErrorContains(t, err, "clickhouse.jwt: ")
	require.ErrorContains(t, err, "refuses the token")
	require.NotContains(t, err.Error(), token)
	require.Equal(t, "Bearer "+token, authorization.Load())
}
