package clickhouse

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// logText is what was logged so far.
type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// openLogging is open with what is logged.
func openLogging(t *testing.T, yaml string) (*output, *logText) {
	t.Helper()
	conf, err := spec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	log := &logText{}
	out, err := newOutput(conf, service.MockResources(service.MockResourcesOptUseLogger(service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(log, nil))))))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, out.Close(context.Background())) })
	require.NoError(t, out.Connect(t.Context()))
	return out, log
}

// Records that lack different columns whose defaults only the server knows are
// different inserts; where these are many, the log says which columns it is about.
func TestInsertsForDefaultsAreTold(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt32, a UInt32 DEFAULT rand(), b UInt32 DEFAULT rand(), c UInt32 DEFAULT rand(), d UInt32 DEFAULT rand(), e UInt32 DEFAULT rand()")
		out, log := openLogging(t, yamlFor(t, server, table, ""))
		var texts []string
		for i := range 64 {
			text := fmt.Sprintf(`{"id":%d,"e":1`, i)
			for bit, name := range []string{"a", "b", "c", "d"} {
				if i>>bit&1 == 1 {
					text += fmt.Sprintf(`,%q:%d`, name, i)
				}
			}
			texts = append(texts, text+"}")
		}
		for range 2 {
			require.NoError(t, out.WriteBatch(t.Context(), records(texts...)))
		}
		require.Equal(t, "128 64", count(t, server, table))
		require.EqualValues(t, 32, out.board.Batches())
		require.Equal(t, 1, strings.Count(log.String(), "come in 16 kinds"), "said once in a while: %s", log)
		require.Contains(t, log.String(), "a, b, c, d. Send these fields")
	})
}

// Where every column has such a default, nothing can be inserted for a record that
// has none, and it is said why.
func TestARowOfServerDefaultsAloneIsADeadLetter(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt32 DEFAULT rand(), at DateTime DEFAULT now()")
		out := open(t, yamlFor(t, server, table, ""))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{}`, `{"id":7}`)))
		require.Equal(t, "1 1", count(t, server, table))
		letters := boxOf(t).all()
		require.Len(t, letters, 1)
		require.Contains(t, letters[0].meta[metaError], "a default that only the server can work out")
		require.EqualValues(t, 1, out.board.Table(table).Unmatched.Load())
	})
}

// What the columns of a chunk hold at a time is bounded, however many they are,
// however few of them records have, and however different these are. Nothing is
// skipped where a stretch ends.
func TestMemoryOfWideTablesIsBounded(t *testing.T) {
	const columns = 100
	for name, c := range map[string]struct {
		hasDefault bool
		rows       int
	}{
		"rows of zeros":           {false, 60_000},
		"a block for each record": {true, 2_400},
	} {
		t.Run(name, func(t *testing.T) {
			specs := []column.Spec{{Name: "id", Type: "UInt32"}}
			for i := range columns {
				specs = append(specs, column.Spec{Name: fmt.Sprintf("c%d", i+1), Type: "Int256", HasDefault: c.hasDefault})
			}
			known := column.NewSchema("t", specs)
			s := &sink{cfg: &config{times: strictTimes}, table: tableNamed("t"), trouble: &trouble{}, metrics: &metrics{}}
			s.table.learn(known, s.table.readAt)
			d := s.table.takeDecoder(known, s.cfg)
			chunk := &chunk{sink: s}
			var texts []string
			for i := range c.rows {
				texts = append(texts, fmt.Sprintf(`{"id":%d,"c%d":1,"c%d":1}`, i, 1+i%40, 41+i/40%60))
			}
			chunk.Take([]*delivery{newDelivery(t.Context(), recordsOf(records(texts...)), nil)})
			decoded := 0
			for chunk.next < c.rows {
				unfit, next, err := s.decodeRun(d, chunk, min(c.rows, chunk.next+s.stretch(known)), mostSets(known))
				require.NoError(t, err)
				require.Empty(t, unfit)
				require.Greater(t, next, chunk.next)
				// The slices of columns double as they grow.
				require.LessOrEqual(t, d.Size(), 2*blockMemory, "of %d records", next-chunk.next)
				// A column takes memory beside its values.
				require.LessOrEqual(t, len(d.Blocks())*columns*emptyColumn, blockMemory, "in %d blocks", len(d.Blocks()))
				for _, b := range d.Blocks() {
					decoded += b.Len()
					s.table.recycle(b)
				}
				d.Release()
				chunk.next = next
			}
			require.Equal(t, c.rows, decoded)
		})
	}
}

// A record that the decoder panics at is a dead letter, and no other is.
func TestAPanicOfTheDecoderIsARecordsFault(t *testing.T) {
	known := column.NewSchema("t", []column.Spec{{Name: "id", Type: "UInt32"}})
	s := &sink{cfg: &config{times: strictTimes}, table: tableNamed("t"), trouble: &trouble{log: service.MockResources().Logger()}}
	c := chunkOf(t, s, ids(0, 4))
	c.records[2] = record{} // without a message, as none is
	_, err := s.decodeFor(t.Context(), known, c)
	require.NoError(t, err)
	require.Len(t, c.unfit, 1)
	require.Equal(t, 2, c.unfit[0].index)
	require.ErrorIs(t, c.unfit[0].err, rec.ErrInternal)
	require.Len(t, c.pending, 1)
	require.Equal(t, []int{0, 1, 3}, c.pending[0].records())
}
