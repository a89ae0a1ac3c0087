package validate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
	"github.com/data-bridge-io/data-bridge/tests/robustness/traffic"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stack.Main(m)) }

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// Rows are found in the order of their inserts, across inserts, merges and tables that
// were there before; each with its size.
func TestRowsAreInTheOrderOfTheirInserts(t *testing.T) {
	ch := stack.Shared.ClickHouse(t, stack.KindChDB)
	ctx := within(t)
	var want []model.Row
	var tables []string
	for table := range 2 {
		name := fmt.Sprintf("rows_%d", table)
		tables = append(tables, name)
		require.NoError(t, ch.Exec(ctx, "CREATE TABLE "+name+" ("+Columns+") ENGINE = MergeTree ORDER BY tuple()"))
		for insert := range 12 {
			var values []string
			for i := range 50 {
				row := model.Row{Part: 0, Seq: int64(2000 - 100*insert + (i*7)%50 + 1000*table), Size: i}
				want = append(want, row)
				pad := strings.Repeat(string(rune('a'+row.Seq%26)), i)
				values = append(values, fmt.Sprintf("(%d, %d, '%s')", row.Part, row.Seq, pad))
			}
			require.NoError(t, ch.Exec(ctx, "INSERT INTO "+name+" (p, n, d) VALUES "+strings.Join(values, ",")))
			if insert == 6 {
				require.NoError(t, ch.Exec(ctx, "OPTIMIZE TABLE "+name+" FINAL"))
			}
		}
	}
	rows, err := Rows(ctx, ch, tables)
	require.NoError(t, err)
	var got []model.Row
	for _, row := range rows {
		got = append(got, row.Row)
		assert.WithinDuration(t, time.Now(), time.Unix(row.At, 0), time.Hour)
	}
	assert.Equal(t, want, got)

	torn, err := Torn(ctx, ch, tables)
	require.NoError(t, err)
	assert.Zero(t, torn)
	require.NoError(t, ch.Exec(ctx, "INSERT INTO rows_1 (p, n, d) VALUES (1, 26, 'aaa'), (1, 27, 'bab'), (2, 27, 'bbb')"))
	torn, err = Torn(ctx, ch, tables)
	require.NoError(t, err)
	assert.EqualValues(t, 1, torn)

	newest, err := Newest(ctx, ch, "rows_1")
	require.NoError(t, err)
	assert.Equal(t, map[int]int64{0: 3049, 1: 27, 2: 27}, newest)
	_, err = Rows(ctx, ch, []string{"nobody"})
	assert.ErrorContains(t, err, "reading nobody")
}

func TestLettersAreThoseOfTheirTable(t *testing.T) {
	bad := model.Record{Part: 1, Seq: 4, Size: 3, Poison: true}
	path := filepath.Join(t.TempDir(), "letters.jsonl")
	line := func(table string, body []byte) string {
		return fmt.Sprintf("{\"table\":%q,\"record\":%q}\n", table, body)
	}
	text := line("mine", traffic.Body(bad)) + line("others", []byte("what")) +
		line("mine", traffic.Body(bad)[:20]) + line("mine", traffic.Body(model.Record{Part: 1, Seq: 5}))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	letters, err := Letters(path, "mine", []model.Record{bad})
	require.NoError(t, err)
	assert.Equal(t, []model.Letter{{Part: 1, Seq: 4, Whole: true}, {Part: 1, Seq: 4}, {Part: 1, Seq: 5}}, letters)
	_, err = Letters(path, "others", nil)
	assert.ErrorContains(t, err, "is none of the records")
	letters, err = Letters(path+"not there", "mine", nil)
	require.NoError(t, err)
	assert.Empty(t, letters)
}
