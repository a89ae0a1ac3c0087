package clickhouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	_ "github.com/data-bridge-io/data-bridge/plugins/backpressure"
	"github.com/data-bridge-io/data-bridge/plugins/position"
	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/plugins/topology"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

var errMapping = errors.New("failed assignment (line 1): expected number value, got string from field `this.raw` (\"secret\")")

// failedRecords are records that a processor has failed at.
func failedRecords(texts ...string) service.MessageBatch {
	batch := records(texts...)
	for _, m := range batch {
		m.SetError(errMapping)
	}
	return batch
}

// health is what /health says of the output.
func health(out *output) status.Health {
	return status.HealthOf(status.Of(out.res, topology.Gate(out.res, out.cfg.gate)))
}

// A record that a processor has failed at fits the table by its zeros alone: it is a
// dead letter with the processor's error, and its neighbours are stored.
func TestARecordThatAProcessorHasFailedAtIsADeadLetter(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt32, price Float64")
		out, log := openLogging(t, yamlFor(t, server, table, ""))
		batch := append(records(`{"id":1,"price":1}`), failedRecords(`{"id":2,"raw":"secret"}`)...)
		batch[1].MetaSetMut("own", "kept")
		batch = append(batch, records(`{"id":3,"price":3}`, `{"id":4,"price":"x"}`)...)
		require.NoError(t, out.WriteBatch(t.Context(), batch))
		require.Equal(t, [][]string{{"1"}, {"3"}}, query(t, server, "SELECT id FROM default."+table+" ORDER BY id"))
		letters := boxOf(t).all()
		require.Len(t, letters, 2)
		require.Equal(t, letter{body: `{"id":2,"raw":"secret"}`, meta: map[string]string{
			"own": "kept", metaTable: table, metaAttempts: "1", metaReason: "processor_error",
			metaError: "a processor failed: " + errMapping.Error(),
		}}, letters[0], "and carries no error that another output might look for")
		require.NotContains(t, letters[1].meta, metaReason)
		require.ErrorIs(t, batch[1].GetError(), errMapping, "the message is the stream's")

		figures := out.board.Table(table)
		require.EqualValues(t, 2, figures.Rows.Load())
		require.EqualValues(t, 2, figures.DeadLetters.Load())
		require.EqualValues(t, 1, figures.ProcessorErrors.Load())
		require.EqualValues(t, 1, health(out).Outputs[out.board.Label].ProcessorErrors)
		require.Contains(t, log.String(), wordOfFailed)
		require.NotContains(t, log.String(), "secret", "what a record holds is for the dead letter")
	})
}

// Who wants what Benthos does by itself says so, and sees how often it happened.
func TestRecordsThatProcessorsHaveFailedAtMayBeStored(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindChDB)
	table := newTable(t, server, "id UInt32, price Float64")
	out := open(t, yamlFor(t, server, table, "on_processor_error: store"))
	require.NoError(t, out.WriteBatch(t.Context(), append(failedRecords(`{"id":2,"raw":"x"}`), records(`{"id":1}`)...)))
	require.Equal(t, [][]string{{"1", "0"}, {"2", "0"}}, query(t, server, "SELECT id, price FROM default."+table+" ORDER BY id"))
	require.Empty(t, boxOf(t).all())
	require.EqualValues(t, 1, out.board.Table(table).ProcessorErrors.Load())
}

// Where the table of such a record cannot be told, that is for the same reason: the
// processor would have said which.
func TestTheProcessorsErrorComesFirst(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindChDB)
	table := newTable(t, server, "id UInt32")
	out := open(t, yamlFor(t, server, "${! @table }", ""))
	batch := append(failedRecords(`{"id":1}`, `{"id":2}`, `no`), records(`{"id":3}`, `{"id":4}`)...)
	batch[1].MetaSetMut("table", "never_made")
	batch[3].MetaSetMut("table", table)
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	require.NoError(t, out.WriteBatch(ctx, batch), "a table that is missing holds nothing up that is not for it")
	require.Equal(t, "1 1", count(t, server, table))
	letters := boxOf(t).all()
	require.Len(t, letters, 4)
	for _, l := range letters {
		require.Equal(t, l.body != `{"id":4}`, strings.Contains(l.meta[metaError], errMapping.Error()), l.body)
	}
	require.EqualValues(t, 2, out.board.UnroutedErrors.Load())
	require.EqualValues(t, 1, out.board.Table("never_made").ProcessorErrors.Load())
}

func TestRejectHandsBackWhatProcessorsHaveFailedAt(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindChDB)
	table := newTable(t, server, "id UInt32")
	head, _, _ := strings.Cut(yamlFor(t, server, table, ""), "dead_letter")
	out := open(t, head+"dead_letter: {reject: 'no'}\n")
	batch := append(records(`{"id":1}`), failedRecords(`{"id":2}`)...)
	index := batch.Index()
	var failed *service.BatchError
	require.ErrorAs(t, out.WriteBatch(t.Context(), batch), &failed)
	failed.WalkMessagesIndexedBy(index, func(i int, _ *service.Message, err error) bool {
		if i == 1 {
			require.ErrorIs(t, err, errMapping)
		} else {
			require.NoError(t, err)
		}
		return true
	})
	require.Equal(t, 1, failed.IndexedErrors())
	require.Equal(t, "1 1", count(t, server, table))
	require.EqualValues(t, 1, out.board.Table(table).ProcessorErrors.Load())
}

// A frame that a processor has failed at is its records, each a dead letter.
func TestAFrameThatAProcessorHasFailedAt(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindChDB)
	table := newTable(t, server, "id UInt32")
	out := open(t, yamlFor(t, server, table, ""))
	m := framed(7, nil, `{"id":1}`, `{"id":2}`)
	m.SetError(errMapping)
	require.NoError(t, out.WriteBatch(t.Context(), service.MessageBatch{m, framed(9, nil, `{"id":3}`)}))
	require.Equal(t, "1 1", count(t, server, table))
	letters := boxOf(t).all()
	require.Len(t, letters, 2)
	require.Equal(t, `{"id":2}`, letters[1].body)
	require.Equal(t, "8", letters[1].meta[metaOffset])
}

// A mapping that fails at every record is a wrong deployment: nothing goes to the dead
// letters or is stored, until what comes is right again.
func TestAMappingThatFailsAtMostRecordsStopsThem(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindChDB)
	for name, c := range map[string]struct {
		byMetadata bool
		parked     int64
	}{"one table": {false, 200}, "no table is told": {true, 150}} {
		t.Run(name, func(t *testing.T) {
			table := newTable(t, server, "id UInt32")
			to := table
			if c.byMetadata {
				to = "${! @table }"
			}
			out, log := openLogging(t, yamlFor(t, server, to, "max_in_flight: 1"))
			meant := func(batch service.MessageBatch) service.MessageBatch {
				for _, m := range batch {
					if m.GetError() == nil && c.byMetadata {
						m.MetaSetMut("table", table)
					}
				}
				return batch
			}
			send := func(ctx context.Context) <-chan error {
				done := make(chan error, 1)
				batch := append(meant(records(ids(0, 50)...)), failedRecords(ids(50, 200)...)...)
				go func() { done <- out.WriteBatch(ctx, batch) }()
				return done
			}
			parked := func(rows int64) func() bool {
				return func() bool { n, _, err := out.board.Parked(); return n == rows && (n == 0) == (err == nil) }
			}
			ctx, cancel := context.WithCancel(t.Context())
			givenUp := send(ctx)
			require.Eventually(t, parked(c.parked), long, time.Millisecond)
			h := health(out)
			require.Equal(t, "unhealthy", h.Status)
			require.Contains(t, strings.Join(h.Reasons, " "), "150 of 200, above max_dead_letter_share (0.5)")
			require.Contains(t, strings.Join(h.Reasons, " "), wordOfFailed)
			require.NotContains(t, strings.Join(h.Reasons, " "), "secret")
			require.Eventually(t, func() bool { return strings.Contains(log.String(), errTooManyBad.Error()) }, long, time.Millisecond)
			stored := int64(0)
			if c.byMetadata {
				stored = 50 // they are none of the table that is not told
			}
			require.Eventually(t, func() bool { return out.board.Rows() == stored }, long, time.Millisecond)
			cancel()
			require.ErrorIs(t, <-givenUp, context.Canceled)
			require.True(t, parked(0)())
			require.Empty(t, boxOf(t).all())

			done := send(t.Context())
			require.Eventually(t, parked(c.parked), long, time.Millisecond)
			require.Eventually(t, func() bool { return out.board.Rows() == 2*stored }, long, time.Millisecond)
			require.NoError(t, out.WriteBatch(t.Context(), meant(records(ids(2000, 2001)...))))
			require.Equal(t, 2*stored+1, out.board.Rows(), "neighbours in the same table have waited")
			require.NoError(t, out.WriteBatch(t.Context(), meant(records(ids(1000, 2000)...))))
			require.NoError(t, <-done)
			require.True(t, parked(0)())
			require.Len(t, boxOf(t).all(), 150)
			require.Equal(t, fmt.Sprintf("%d 1051", 1051+stored), count(t, server, table))
			require.Empty(t, health(out).Reasons)
			g := out.guards.of(map[bool]string{false: table}[c.byMetadata])
			require.Equal(t, []float64{1051, 150}, []float64{g.good, g.bad}, "all of it counts for what comes")
		})
	}
}

// Small batches add up: what of them has become dead letters counts.
func TestFailedRecordsOfSmallBatchesAddUp(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindChDB)
	table := newTable(t, server, "id UInt32")
	out := open(t, yamlFor(t, server, table, ""))
	require.NoError(t, out.WriteBatch(t.Context(), failedRecords(ids(0, leastBad)[:leastBad-1]...)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- out.WriteBatch(ctx, failedRecords(ids(0, 2)...)) }()
	require.Eventually(t, func() bool { n, _, _ := out.board.Parked(); return n == 2 }, long, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.Len(t, boxOf(t).all(), leastBad-1)
}

// flying makes a batch one that the buffer has named.
func flying(ctx context.Context, batch service.MessageBatch) service.MessageBatch {
	batch[0] = batch[0].WithContext(ctx)
	return batch
}

// What a processor has failed at may have passed: rows that are kept for it go back to
// the buffer, which gives them to the processors again. They are shown as kept all the
// while, and what was sent of a batch is not sent again.
func TestWhatIsKeptGoesThroughTheProcessorsAgain(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt32")
		out := open(t, yamlFor(t, server, "${! @table }", ""))
		to := func(table string, batch service.MessageBatch) service.MessageBatch {
			for _, m := range batch {
				m.MetaSetMut("table", table)
			}
			return batch
		}
		parked := func() int64 { n, _, _ := out.board.Parked(); return n }
		flight := position.NewFlight(t.Context())
		texts := ids(0, 200)
		for range 2 {
			batch := flying(flight, append(to(table, failedRecords(texts[:150]...)), to(table, records(texts[150:]...))...))
			require.ErrorIs(t, out.WriteBatch(t.Context(), batch), errTooManyBad)
			require.EqualValues(t, 200, parked(), "until it comes again")
			require.Equal(t, "unhealthy", health(out).Status)
		}
		require.NoError(t, out.WriteBatch(t.Context(), flying(flight, to(table, records(texts...)))))
		require.Zero(t, parked())
		require.Equal(t, "200 200", count(t, server, table))
		require.Empty(t, boxOf(t).all())

		other := newTable(t, server, "id UInt32")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		batch := flying(position.NewFlight(ctx), append(to(table, failedRecords(ids(0, 1500)...)), to(other, records(`{"id":1}`))...))
		go func() { done <- out.WriteBatch(ctx, batch) }()
		require.Eventually(t, func() bool { return out.board.Table(other).Rows.Load() == 1 && parked() == 1500 }, long, time.Millisecond)
		require.Never(t, func() bool { return len(done) > 0 }, 3*out.cfg.backoff.Max, 10*time.Millisecond)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		require.Zero(t, parked())
		require.Equal(t, "1 1", count(t, server, other))
	})
}

// Behind a full buffer, too, a service that processors ask and that is back sets free
// what was kept for it, without a restart, and nothing becomes a dead letter.
func TestAFullBufferOfFailedRecordsGoesOnByItself(t *testing.T) {
	current(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt32")
		asked := filepath.Join(t.TempDir(), "service")
		require.NoError(t, os.WriteFile(asked, []byte("down"), 0o600))
		port, err := stack.FreePort()
		require.NoError(t, err)
		b := service.NewStreamBuilder()
		require.NoError(t, b.SetYAML(fmt.Sprintf(`
input:
  generate: {count: 3000, interval: "", batch_size: 100, mapping: 'root.id = counter()'}
buffer: {backpressure: {max_buffer_size: 1000, status_server: {address: "127.0.0.1:%d"}, batch: {count: 200, period: 10ms}}}
pipeline:
  processors:
    - mapping: 'root = if file(path: %q, no_cache: true) == "down" { throw("no answer") } else { this }'
output:
  clickhouse:
%s
logger: {level: none}
`, port, asked, indent(yamlFor(t, server, table, "")))))
		stream, err := b.Build()
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), long)
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- stream.Run(ctx) }()
		require.Eventually(t, func() bool {
			resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/health", port)) //nolint:noctx // ends with the stream
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			var h struct {
				Metrics struct {
					Backpressure struct {
						Level int `json:"current_buffer"`
					}
				}
				Outputs map[string]struct {
					Parked int `json:"parked_rows"`
				}
			}
			err = json.NewDecoder(resp.Body).Decode(&h)
			parked := 0
			for _, o := range h.Outputs {
				parked += o.Parked
			}
			return err == nil && h.Metrics.Backpressure.Level == 1000 && parked == 1000
		}, long, 5*time.Millisecond)
		require.NoError(t, os.WriteFile(asked, []byte("up"), 0o600))
		require.NoError(t, <-ended)
		require.Equal(t, "3000 3000", count(t, server, table))
		require.Empty(t, boxOf(t).all())
	})
}

// The error of a processor reaches the output from wherever it happens: in front of
// the buffer, in try, in a case of switch, and past processors that succeed; what catch
// has mended is no error any more.
func TestTheErrorsOfProcessorsReachTheOutput(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindChDB)
	table := newTable(t, server, "id UInt32, kind String, price Float64")
	kinds := []string{"good", "plain", "switch", "try", "catch", "input", "good"}
	b := service.NewStreamBuilder()
	require.NoError(t, b.SetYAML(`
input:
  generate:
    count: `+fmt.Sprint(len(kinds))+`
    interval: ""
    mapping: |
      let n = counter()
      root = {"id": $n, "raw": if $n == 1 { "1" } else { "x" }, "kind": `+strings.ReplaceAll(fmt.Sprintf("%q", kinds), " ", ",")+`.index($n - 1)}
  processors: [{mapping: 'root = if this.kind == "input" { throw("at the input") } else { this }'}]
buffer: {backpressure: {status_server: {enabled: false}, batch: {count: 3, period: 10ms}}}
pipeline:
  processors:
    - switch:
        - check: this.kind == "switch"
          processors: [{mapping: 'root = this.assign({"price": this.raw.number()})'}]
        - check: this.kind == "try"
          processors: [{try: [{mapping: 'root = this.assign({"price": this.raw.number()})'}, {mapping: 'root.price = 99'}]}]
        - check: this.kind == "catch"
          processors:
            - mapping: 'root = this.assign({"price": this.raw.number()})'
            - catch: [{mapping: 'root = this.assign({"price": 7})'}]
    - mapping: 'root = if this.kind == "plain" { this.assign({"price": this.raw.number()}) } else { this }'
    - mapping: 'root = this'
output:
  clickhouse:
    `+strings.ReplaceAll(strings.TrimSpace(yamlFor(t, server, table, "")), "\n", "\n    ")+`
logger: {level: none}
`))
	stream, err := b.Build()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	require.NoError(t, stream.Run(ctx))
	require.Equal(t, [][]string{{"1", "good", "0"}, {"5", "catch", "7"}, {"7", "good", "0"}},
		query(t, server, "SELECT id, kind, price FROM default."+table+" ORDER BY id"))
	var failed []string
	for _, l := range boxOf(t).all() {
		require.Equal(t, reasonFailed, l.meta[metaReason])
		failed = append(failed, kindOf(kinds, l.body))
	}
	slices.Sort(failed)
	require.Equal(t, []string{"input", "plain", "switch", "try"}, failed)
}

// kindOf is the kind of a record, as its text says.
func kindOf(kinds []string, body string) string {
	for _, kind := range kinds {
		if strings.Contains(body, `"kind":"`+kind+`"`) {
			return kind
		}
	}
	return body
}

// What is known of tables that are judged is bounded: their names are made of data.
func TestGuardsAreBounded(t *testing.T) {
	g := guards{most: 0.5}
	first := g.of("a")
	require.Same(t, first, g.of("a"))
	for i := range 3 * mostGuards {
		g.of(fmt.Sprint(i))
		require.LessOrEqual(t, len(g.by), mostGuards)
	}
	waiting := g.take("b")
	for i := range 3 * mostGuards {
		g.of(fmt.Sprint("more", i))
		require.Same(t, waiting, g.of("b"), "rows wait for what it is told")
		require.LessOrEqual(t, len(g.by), mostGuards+1)
	}
	g.release(waiting)
	for i := range 3 * mostGuards {
		g.of(fmt.Sprint("and", i))
	}
	require.LessOrEqual(t, len(g.by), mostGuards)
	require.NotSame(t, waiting, g.of("b"))
}

// Any text may have been taken for the name of a table: what is none is judged with the
// rows that name no table, so that a few of each do not escape judgement.
func TestRowsWithoutATableAreJudgedTogether(t *testing.T) {
	tray := strays([]badRow{{index: 0, table: "a"}, {index: 1, table: "a.b.c"}, {index: 2}, {index: 3, table: "a"}, {index: 4, table: "`x"}})
	require.Len(t, tray, 2)
	require.Equal(t, "a", tray[0].table)
	require.Len(t, tray[0].bad, 2)
	require.Empty(t, tray[1].table)
	require.Len(t, tray[1].bad, 3)
}
