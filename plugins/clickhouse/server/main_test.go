package server

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

func TestMain(m *testing.M) {
	// toxiproxy loses what stands in the way when faults are taken away.
	goleak.VerifyTestMain(stack.Main(m), stack.Leaks()...)
}

// door is a way into a server.
type door struct {
	stack.ClickHouse
	http bool
}

// toldDefault is a constant default as the schema has it: an old server does not
// say what it is.
func (d door) toldDefault(value string) string {
	if d.Legacy() {
		return ""
	}
	return value
}

func (d door) address() string {
	if d.http {
		return d.HTTPAddr()
	}
	return d.NativeAddr()
}

// config is one that fits the door.
func (d door) config() *Config {
	return &Config{
		HTTP: d.http, Balance: InOrder, Database: "default", Username: d.User(), Password: Text(d.Password()),
		Compression: LZ4, DialTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, InsertTimeout: 30 * time.Second, Inserts: 2,
	}
}

func (d door) replica(t *testing.T, change ...func(*Config)) *Replica {
	t.Helper()
	cfg := d.config()
	for _, f := range change {
		f(cfg)
	}
	return replicaAt(t, cfg, d.address())
}

func replicaAt(t *testing.T, cfg *Config, address string) *Replica {
	t.Helper()
	r := newReplica(cfg, address)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// doors runs a test on every way into every server.
func doors(t *testing.T, test func(t *testing.T, d door)) {
	t.Helper()
	for _, kind := range []string{stack.KindLegacy, stack.KindChDB} {
		for name, http := range map[string]bool{"native": false, "http": true} {
			t.Run(kind+" "+name, func(t *testing.T) {
				d := door{stack.Shared.ClickHouse(t, kind), http}
				if d.address() == "" {
					t.Skip("there is no such way into this server")
				}
				test(t, d)
			})
		}
	}
}

var tableNumber atomic.Int64

// newTable creates a table and returns its name.
func newTable(t *testing.T, d door, definition string) Table {
	t.Helper()
	name := fmt.Sprintf("s%d", tableNumber.Add(1))
	require.NoError(t, d.Exec(t.Context(), "CREATE TABLE default."+name+" "+definition))
	return Table{Name: name}
}

func query(t *testing.T, d door, sql string) [][]string {
	t.Helper()
	rows, err := d.Query(t.Context(), sql)
	require.NoError(t, err)
	return rows
}

// unchanging is what a column has that nobody fills.
type unchanging struct{}

func (unchanging) Zero()                  { panic("nobody does that") }
func (unchanging) Truncate(int)           { panic("nobody does that") }
func (unchanging) Reset()                 { panic("nobody does that") }
func (unchanging) Size() int              { panic("nobody does that") }
func (unchanging) State(*column.Native)   {}
func (unchanging) Key([]byte, int) []byte { panic("nobody does that") }

// numbers is a UInt32 column, for the tests.
type numbers struct {
	unchanging
	values []uint32
}

func numbersOf(values ...uint32) numbers { return numbers{values: values} }

func (n numbers) Len() int { return len(n.values) }

func (n numbers) Encode(dst *column.Native, from, to int) {
	b := make([]byte, 0, 4*(to-from))
	for _, v := range n.values[from:to] {
		b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	dst.Add(b)
}

// words is a String column, for the tests.
type words struct {
	unchanging
	values []string
}

func (w words) Len() int { return len(w.values) }

func (w words) Encode(dst *column.Native, from, to int) {
	var b []byte
	for _, s := range w.values[from:to] {
		for n := len(s); ; n >>= 7 {
			if n < 128 {
				b = append(b, byte(n))
				break
			}
			b = append(b, byte(n)|128)
		}
		b = append(b, s...)
	}
	dst.Add(b)
}

// sequence are n rows of id and text.
func sequence(first, n int) column.Part {
	ids, texts := make([]uint32, n), make([]string, n)
	for i := range n {
		ids[i], texts[i] = uint32(first+i), fmt.Sprintf("text %d", first+i)
	}
	return partOf([]column.Spec{{Name: "id", Type: "UInt32"}, {Name: "s", Type: "String"}}, numbers{values: ids}, words{values: texts})
}

func partOf(specs []column.Spec, columns ...column.Column) column.Part {
	n := columns[0].Len()
	return column.Part{To: n, Block: &column.Block{
		Schema: column.NewSchema("t", specs), Columns: columns, Absent: make([]bool, len(specs)), Rows: make([]int, n), Weight: 30 * n,
	}}
}
