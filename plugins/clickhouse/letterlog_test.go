package clickhouse

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

func textLog(to *bytes.Buffer) *service.Logger {
	leaveTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	return service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{ReplaceAttr: leaveTime})))
}

func TestDeadLettersAreLoggedAtOnceAndThenRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		l := letterLog{log: textLog(&text), to: "file"}
		price := status.Incident{Table: "ticks", Column: "price", Message: "Float64: not a number"}
		for range 1000 {
			l.tell(map[status.Incident]int64{price: 3})
			time.Sleep(time.Second)
		}
		lines := strings.Split(strings.TrimSpace(text.String()), "\n")
		require.Len(t, lines, 4, "at 0, 300, 600 and 900 s")
		for _, want := range []string{
			`level=WARN msg="3 rows for table \"ticks\" cannot be stored, sent to dead_letter (file), which has the reason as metadata: \"price\": Float64: not a number"`,
			" table=ticks", " column=price", ` error="Float64: not a number"`, " dead_letter=file", " rows=3",
		} {
			require.Contains(t, lines[0], want)
		}
		require.Contains(t, lines[1], `900 more rows for table \"ticks\"`)

		text.Reset()
		l.tell(map[status.Incident]int64{{Table: "ticks", Column: "seq", Message: "null"}: 1})
		require.Contains(t, text.String(), `1 row for table`, "another column is another kind")

		text.Reset()
		for i := range 1000 { // names may be made of data
			l.tell(map[status.Incident]int64{{Table: fmt.Sprintf("t%d", i), Message: "malformed JSON"}: 1})
		}
		require.LessOrEqual(t, strings.Count(text.String(), "\n"), mostLetterKinds)
		require.LessOrEqual(t, len(l.kinds), mostLetterKinds+1)
		require.Contains(t, text.String(), `sent to dead_letter (file), which has the reason as metadata: other reasons`)
		time.Sleep(lettersEvery)
		text.Reset()
		l.tell(map[status.Incident]int64{{Table: "new", Message: "malformed JSON"}: 1})
		require.Contains(t, text.String(), `for table \"new\"`, "what was told long ago makes room")
	})
}

func TestTheLogTellsOfADeadLetter(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindChDB)
	table := newTable(t, server, "id UInt8")
	for dead, want := range map[string]string{
		"type: drop\n  drop: {}":            `cannot be stored, discarded (dead_letter: drop): \"id\": UInt8: out of range`,
		"label: x\n  letter_box: {name: y}": `cannot be stored, sent to dead_letter (letter_box), which has the reason as metadata: \"id\": UInt8: out of range`,
	} {
		var text bytes.Buffer
		yaml := yamlFor(t, server, table, "")
		before, _, _ := strings.Cut(yaml, "dead_letter:")
		conf, err := spec().ParseYAML(before+"dead_letter:\n  "+dead, nil)
		require.NoError(t, err)
		out, err := newOutput(conf, service.MockResources(service.MockResourcesOptUseLogger(textLog(&text))))
		require.NoError(t, err)
		require.NoError(t, out.Connect(t.Context()))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1}`, `{"id":4321}`)))
		require.NoError(t, out.Close(t.Context()))
		require.Contains(t, text.String(), want)
		require.NotContains(t, text.String(), "4321")
	}
}
