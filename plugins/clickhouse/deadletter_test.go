package clickhouse

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/position"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// Rows that the dead-letter output refuses are known to wait, with the reason, until
// it takes them.
func TestRowsThatWaitForTheDeadLetterOutputAreCounted(t *testing.T) {
	current(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8")
		out := open(t, yamlFor(t, server, table, ""))
		boxOf(t).refuse.Store(1 << 30)
		done := make(chan error, 1)
		go func() { done <- out.WriteBatch(t.Context(), records(`{"id":1}`, `{"id":300}`, `{"id":"x"}`)) }()
		require.Eventually(t, func() bool {
			rows, _, err := out.board.WaitingLetters()
			return rows == 2 && err != nil && err.Error() == "the letter box is full"
		}, long, time.Millisecond)
		require.Zero(t, out.board.DeadLetters())
		boxOf(t).refuse.Store(0)
		require.NoError(t, <-done)
		rows, _, _ := out.board.WaitingLetters()
		require.Zero(t, rows)
		require.EqualValues(t, 2, out.board.DeadLetters())
	})
}

// What a record itself has under the names of the reason stays known, be it what names
// its table; a name that the reason does not need has the reason's meaning too. A record
// that is sent again says where it first came from.
func TestTheReasonTakesNothingFromTheRecord(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindChDB)
	table := newTable(t, server, "id UInt8")
	out := open(t, yamlFor(t, server, "${! @clickhouse_table }", ""))
	offset := int64(17)
	run := position.Pin(t.Context(), "dead_letter/x")
	batch := records(`{"id":300}`, `{"id":301}`)
	batch[0] = batch[0].WithContext(run.Add(0, position.Origin{Source: "market[3]", Offset: &offset}))
	for _, m := range batch {
		m.MetaSetMut("clickhouse_table", table)
		m.MetaSetMut("clickhouse_code", 5)
	}
	require.NoError(t, out.WriteBatch(t.Context(), batch))
	letters := boxOf(t).all()
	require.Len(t, letters, 2)
	for i, l := range letters {
		var own map[string][]byte
		require.NoError(t, json.Unmarshal([]byte(l.meta["clickhouse_own"]), &own))
		require.Equal(t, map[string][]byte{"clickhouse_table": []byte(table), "clickhouse_code": []byte("5")}, own)
		require.Equal(t, table, l.meta["clickhouse_table"])
		require.NotContains(t, l.meta, "clickhouse_code")
		if i == 0 {
			require.Equal(t, []string{"market[3]", "17"}, []string{l.meta["clickhouse_source"], l.meta["clickhouse_source_offset"]})
		} else {
			require.NotContains(t, l.meta, "clickhouse_source")
		}
	}
}

// Processors of the dead-letter output see what the record's input has said of it and
// why it is a dead letter, of a message alone, of a part of one, and of a frame.
func TestProcessorsOfDeadLettersSeeTheReason(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8")
		yaml := strings.Replace(yamlFor(t, server, table, ""), "dead_letter: {letter_box: {name: "+strconv.Quote(t.Name())+"}}", `
dead_letter:
  letter_box: {name: `+strconv.Quote(t.Name())+`}
  processors:
    - mapping: |
        meta seen = @kafka_topic + " " + @clickhouse_table + " " + @clickhouse_column.or("-") + " " + @clickhouse_attempts + " " + @clickhouse_source + "@" + @clickhouse_source_offset
        root.why = @clickhouse_error
        root.was = content().string()
`, 1)
		require.Contains(t, yaml, "meta seen")
		out := open(t, yaml)
		topic := map[string]string{"kafka_topic": "market"}
		run := position.NewRun("kafka/t/0", 2)
		ctx := run.Mark(context.Background())
		var batch service.MessageBatch
		for i, text := range []string{`{"id":300}`, `[{"id":1},{"id":"x"}]`} {
			m := service.NewMessageWithContext(ctx, run.Add(int64(i), []byte(text)))
			m.MetaSetMut("kafka_topic", "market")
			batch = append(batch, m)
		}
		require.NoError(t, out.WriteBatch(t.Context(), append(batch, framed(7, topic, `{"id":2}`, `no`))))
		var seen []string
		for _, l := range boxOf(t).all() {
			seen = append(seen, l.meta["seen"]+" "+l.body)
		}
		reason := "market " + table
		require.ElementsMatch(t, []string{
			reason + ` id 1 kafka/t/0@0 {"was":"{\"id\":300}","why":"column \"id\" (UInt8): value 300: out of range"}`,
			reason + ` id 1 kafka/t/0@1 {"was":"{\"id\":\"x\"}","why":"column \"id\" (UInt8): value \"x\": not a number"}`,
			reason + ` - 1 kafka/t/0@8 {"was":"no","why":"malformed JSON: expected an object at byte 0, found 'n'"}`,
		}, seen)
		require.Equal(t, "2 2", count(t, server, table))
	})
}
