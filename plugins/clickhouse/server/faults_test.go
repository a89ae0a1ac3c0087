package server

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// faulty runs a test on both ways into a server that shows faults on demand.
func faulty(t *testing.T, test func(t *testing.T, d door, s stack.FaultyClickHouse)) {
	t.Helper()
	server := stack.Shared.ClickHouse(t, stack.KindChDB) // whose faults are taken away again
	s := server.(stack.FaultyClickHouse)
	for name, http := range map[string]bool{"native": false, "http": true} {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(func() { require.NoError(t, s.ClearFaults(context.Background())) })
			test(t, door{server, http}, s)
		})
	}
}

// What goes wrong with an insert is told as what it is, and the next insert goes
// well.
func TestAFailedInsertIsNoSuccess(t *testing.T) {
	faulty(t, func(t *testing.T, d door, s stack.FaultyClickHouse) {
		for name, c := range map[string]struct {
			fault stack.Fault
			class Class
			http  bool // only
		}{
			"200 with an exception in the header": {stack.Fault{Code: 209, Text: "Timeout (SOCKET_TIMEOUT)", Status: http.StatusOK}, UnknownOutcome, true},
			"200 with a row fault in the header":  {stack.Fault{Code: 469, Text: "Constraint (VIOLATED_CONSTRAINT)", Status: http.StatusOK}, RowFault, true},
			"200 with somebody else's page":       {stack.Fault{Page: "<html>hello</html>"}, UnknownOutcome, true},
			"an empty page":                       {stack.Fault{Page: " "}, UnknownOutcome, true},
			"an exception":                        {stack.Fault{Code: 190, Text: "Sizes (SIZES_OF_ARRAYS_DONT_MATCH)"}, RowFault, false},
			"an early exception":                  {stack.Fault{Code: 497, Text: "Not enough privileges (ACCESS_DENIED)", Early: true}, AccessFault, false},
			"too large":                           {stack.Fault{Code: 241, Text: "Memory limit (for query) exceeded (MEMORY_LIMIT_EXCEEDED)"}, TooLarge, false},
			"a view":                              {stack.Fault{Code: 395, Text: "while pushing to view default.v (abc): thrown (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)", Execute: true}, ViewFault, false},
			"a view without memory":               {stack.Fault{Code: 241, Text: "Memory limit: while pushing to view default.v (abc)", Execute: true}, UnknownOutcome, false},
			"the answer is lost":                  {stack.Fault{Cut: true, Execute: true}, UnknownOutcome, false},
			"cut before it is executed":           {stack.Fault{Cut: true}, UnknownOutcome, false},
		} {
			if c.http && !d.http {
				continue
			}
			kinds(t, name, func(t *testing.T, mixed bool) {
				table, part := newTable(t, d, idAndText), sequence(0, 10)
				if mixed {
					table, part = mixedTable(t, d)
				}
				r := d.replica(t)
				_, err := r.Features(t.Context())
				require.NoError(t, err)
				c.fault.Statement, c.fault.Times = "INSERT INTO", 1
				require.NoError(t, s.AddFault(t.Context(), c.fault))
				_, err = r.Insert(t.Context(), Insert{Table: table, Part: part})
				t.Log(err)
				require.Error(t, err)
				require.Equal(t, c.class.String(), Classify(err).String())
				if c.fault.Code != 0 {
					code, ok := Code(err)
					require.True(t, ok)
					require.Equal(t, c.fault.Code, code)
				}
				_, err = r.Insert(t.Context(), Insert{Table: table, Part: part})
				require.NoError(t, err)
				want := "10"
				if c.fault.Execute {
					want = "20"
				}
				require.Equal(t, []string{want, "10"}, query(t, d, "SELECT count(), uniqExact(id) FROM default."+table.Name)[0])
			})
		}
	})
}

// kinds runs a test with rows that all have every column, and with such as lack some.
func kinds(t *testing.T, name string, test func(t *testing.T, mixed bool)) {
	t.Run(name, func(t *testing.T) { test(t, false) })
	t.Run(name+", mixed", func(t *testing.T) { test(t, true) })
}

// mixedTable is a table, and rows for it that lack different columns.
func mixedTable(t *testing.T, d door) (Table, column.Part) {
	t.Helper()
	table := newTable(t, d, mixedColumns+" ENGINE = MergeTree ORDER BY id")
	s, err := d.replica(t).Columns(t.Context(), table)
	require.NoError(t, err)
	return table, mixedPart(s, 10)
}

// A peer that reads no more, or does not answer, holds nobody up for longer than
// the time-out, the caller's context or Close.
func TestEveryInsertEnds(t *testing.T) {
	faulty(t, func(t *testing.T, d door, s stack.FaultyClickHouse) {
		large := wide(30_000)
		for name, end := range map[string]func(r *Replica, cancel func()){
			"by its time-out":      func(*Replica, func()) {},
			"by its context":       func(_ *Replica, cancel func()) { cancel() },
			"by the end of it all": func(r *Replica, _ func()) { _ = r.Close() },
		} {
			kinds(t, name, func(t *testing.T, mixed bool) {
				table, part := newTable(t, d, "(s String) ENGINE = MergeTree ORDER BY tuple()"), large
				if mixed {
					table, part = mixedTable(t, d)
				}
				r := d.replica(t, func(c *Config) {
					c.Compression = None
					c.InsertTimeout = time.Hour // nobody waits for that
					if name == "by its time-out" {
						c.InsertTimeout = 300 * time.Millisecond
					}
				})
				_, err := r.Features(t.Context())
				require.NoError(t, err)
				require.NoError(t, s.AddFault(t.Context(), stack.Fault{Statement: "INSERT INTO", Times: 1, Stall: true}))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				met := func() bool { left, err := s.FaultsLeft(t.Context()); return err == nil && left == 0 }
				done := make(chan error, 1)
				go func() {
					_, err := r.Insert(ctx, Insert{Table: table, Part: part})
					for err != nil && !met() && ctx.Err() == nil { // it has taken as long as that to come to the server
						_, err = r.Insert(ctx, Insert{Table: table, Part: part})
					}
					done <- err
				}()
				require.Eventually(t, met, 3*time.Minute, time.Millisecond)
				end(r, cancel)
				err = <-done // or the test does not end
				require.Error(t, err)
				require.NotErrorIs(t, err, ErrNotStored)
				require.NoError(t, s.ClearFaults(t.Context()))
				require.Equal(t, "0", query(t, d, "SELECT count() FROM default."+table.Name)[0][0])
			})
		}
	})
}

// wide are n rows of 1 kB each: more than the buffers of sockets hold.
func wide(n int) column.Part {
	texts, text := make([]string, n), strings.Repeat("x", 1000)
	for i := range texts {
		texts[i] = text
	}
	p := partOf([]column.Spec{{Name: "s", Type: "String"}}, words{values: texts})
	p.Block.Weight = 1000 * n
	return p
}

// brief is a time-out that is waited for. A busy machine has to begin an insert within it.
const brief = 2 * time.Second

// A server that has gone to sleep with all its connections is no different: what
// is asked ends, too.
func TestNothingWaitsForASleepingServer(t *testing.T) {
	server, err := stack.StartClickHouse(t.Context(), stack.KindLegacy, stack.ClickHouseOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	for name, http := range map[string]bool{"native": false, "http": true} {
		t.Run(name, func(t *testing.T) {
			d := door{server, http}
			table := newTable(t, d, "(s String) ENGINE = MergeTree ORDER BY tuple()")
			r := d.replica(t, func(c *Config) { c.Compression = None })
			_, err := r.Features(t.Context())
			require.NoError(t, err)
			require.NoError(t, server.Stall())
			defer func() { require.NoError(t, server.Continue()) }()
			r.cfg.DialTimeout, r.cfg.ReadTimeout, r.cfg.InsertTimeout = brief, brief, brief
			_, err = r.Insert(t.Context(), Insert{Table: table, Part: wide(30_000)})
			require.Equal(t, UnknownOutcome, Classify(err), "%v", err)
			_, err = r.Insert(t.Context(), Insert{Table: table, Part: wide(30_000)}) // by a new connection
			require.Error(t, err)
			require.Error(t, r.Ping(t.Context()))
			_, err = r.Columns(t.Context(), table)
			require.Error(t, err)
		})
	}
}

// A connection that the server has closed meanwhile is not met by an insert.
func TestAClosedConnectionIsNotUsed(t *testing.T) {
	doors(t, func(t *testing.T, d door) {
		table := newTable(t, d, idAndText)
		proxy, err := stack.Proxy(d.address())
		require.NoError(t, err)
		t.Cleanup(proxy.Close)
		r := replicaAt(t, d.config(), proxy.Addr())
		_, err = r.Features(t.Context())
		require.NoError(t, err)
		for i := range 3 {
			_, err := r.Insert(t.Context(), Insert{Table: table, Part: sequence(10*i, 10)})
			if d.http && err != nil { // the transport may not have noticed yet
				_, err = r.Insert(t.Context(), Insert{Table: table, Part: sequence(10*i, 10)})
			}
			require.NoError(t, err)
			dials := r.dials.Load()
			proxy.Down()
			require.NoError(t, proxy.Up())
			if wire, native := r.wire.(*nativeWire); native {
				require.Eventually(t, func() bool { return wire.pool.len() == 0 }, 3*time.Minute, time.Millisecond, "it is dropped as it is closed")
			}
			require.Equal(t, dials, r.dials.Load())
		}
		require.Equal(t, "30", query(t, d, "SELECT count() FROM default."+table.Name)[0][0])
	})
}

// Connections are used again, and closed at the end.
func TestConnectionsAreReused(t *testing.T) {
	doors(t, func(t *testing.T, d door) {
		table := newTable(t, d, idAndText)
		r := d.replica(t)
		for i := range 10 {
			_, err := r.Insert(t.Context(), Insert{Table: table, Part: sequence(10*i, 10)})
			require.NoError(t, err)
		}
		require.EqualValues(t, 1, r.dials.Load())
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				_, err := r.Insert(t.Context(), Insert{Table: table, Part: sequence(10*i, 10)})
				require.NoError(t, err)
			})
		}
		wg.Wait()
		if wire, native := r.wire.(*nativeWire); native {
			require.LessOrEqual(t, wire.pool.len(), r.cfg.Inserts+spareConns, "idle ones are bounded")
		}
		require.NoError(t, r.Close())
		_, err := r.Insert(t.Context(), Insert{Table: table, Part: sequence(0, 10)})
		require.ErrorIs(t, err, ErrClosed)
	})
}

// panics is a column with a fault of its own.
type panics struct{ numbers }

func (panics) Encode(*column.Native, int, int) { panic("no such value") }

// A panic on the way is an error of the insert.
func TestAPanicIsAnError(t *testing.T) {
	doors(t, func(t *testing.T, d door) {
		table := newTable(t, d, "(id UInt32) ENGINE = MergeTree ORDER BY id")
		r := d.replica(t)
		specs := []column.Spec{{Name: "id", Type: "UInt32"}}
		_, err := r.Insert(t.Context(), Insert{Table: table, Part: partOf(specs, panics{numbersOf(1)})})
		var panicked *PanicError
		require.ErrorAs(t, err, &panicked)
		require.Equal(t, UnknownOutcome, Classify(err))
		_, err = r.Insert(t.Context(), Insert{Table: table, Part: partOf(specs, numbersOf(1))})
		require.NoError(t, err)
		require.Equal(t, "1", query(t, d, "SELECT count() FROM default."+table.Name)[0][0])
	})
}

// The table's columns are compared before rows are sent.
func TestAChangedTableIsSeen(t *testing.T) {
	doors(t, func(t *testing.T, d door) {
		for name, definition := range map[string]string{
			"a column is gone":    "(id UInt32) ENGINE = MergeTree ORDER BY id",
			"another type":        "(id UInt32, s FixedString(3)) ENGINE = MergeTree ORDER BY id",
			"no table":            "",
			"a narrower number":   "(id UInt8, s String) ENGINE = MergeTree ORDER BY id",
			"it is computed here": "(id UInt32, s String MATERIALIZED 'x') ENGINE = MergeTree ORDER BY id",
		} {
			t.Run(name, func(t *testing.T) {
				table := Table{Name: "nowhere"}
				if definition != "" {
					table = newTable(t, d, definition)
				}
				_, err := d.replica(t).Insert(t.Context(), Insert{Table: table, Part: sequence(300, 3)})
				t.Log(err)
				require.Equal(t, SchemaFault.String(), Classify(err).String(), "%v", err)
				if definition != "" {
					require.Equal(t, "0", query(t, d, "SELECT count() FROM default."+table.Name)[0][0])
				}
			})
		}
	})
}

// Nothing is sent to whom does not answer as ClickHouse does.
func TestAStrangerIsNoServer(t *testing.T) {
	for name, says := range map[string]string{"nothing": "", "HTTP": "HTTP/1.1 400 Bad Request\r\n\r\n", "zeros": strings.Repeat("\x00", 200), "ones": strings.Repeat("\xff", 200), "exception": "\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"} {
		t.Run(name, func(t *testing.T) {
			listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					_, _ = conn.Write([]byte(says))
					_ = conn.Close()
				}
			}()
			t.Cleanup(func() { _ = listener.Close(); <-done })
			for _, http := range []bool{false, true} {
				r := replicaAt(t, &Config{HTTP: http, DialTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, InsertTimeout: 5 * time.Second}, listener.Addr().String())
				require.Error(t, r.Ping(t.Context()))
				_, err := r.Columns(t.Context(), Table{Name: "t"})
				t.Log(err)
				require.Error(t, err)
			}
		})
	}
}
