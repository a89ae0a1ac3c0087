package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// What is stored of the three streams is what their records say, in every column.
func TestStreamsAreStoredAsTheyAre(t *testing.T) {
	ch := stack.Shared.ClickHouse(t, stack.KindLegacy)
	require.NoError(t, stack.ApplySQL(t.Context(), ch, "config/sql"))
	for _, kind := range marketdata.Kinds() {
		w, err := dial(t.Context(), ch.NativeAddr())
		require.NoError(t, err)
		defer w.conn.Close()
		b := newStreamBlock(w, string(kind))
		gen, err := marketdata.New(7, kind, "ceiling")
		require.NoError(t, err)
		var records []map[string]any
		for range 3 {
			for range 500 {
				text := gen.AppendNext(nil)
				require.NoError(t, b.take(text))
				record := map[string]any{}
				require.NoError(t, json.Unmarshal(text, &record))
				records = append(records, record)
			}
			require.Equal(t, 500, b.rows())
			require.NoError(t, b.insert(t.Context()))
			b.reset()
		}
		var names []string
		for _, f := range b.fields {
			names = append(names, f.name)
		}
		rows, err := ch.Query(t.Context(), fmt.Sprintf("SELECT %s FROM market.%s WHERE stream = 'ceiling' ORDER BY seq", strings.Join(names, ", "), kind))
		require.NoError(t, err)
		require.Len(t, rows, len(records))
		for i, record := range records {
			require.Len(t, record, len(names))
			for j, name := range names {
				require.Equal(t, asStored(record[name]), normal(rows[i][j]), "%s of %v", name, record)
			}
		}
		require.ErrorContains(t, b.take([]byte(`{"stream":"x"}`)), "not in the expected form")
	}
}

// asStored is a JSON value as the server writes it, numbers in their shortest form.
func asStored(value any) string {
	switch v := value.(type) {
	case nil:
		return `\N`
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return map[bool]string{false: "0", true: "1"}[v]
	case []any:
		var quoted []string
		for _, item := range v {
			quoted = append(quoted, "'"+item.(string)+"'")
		}
		return "[" + strings.Join(quoted, ",") + "]"
	}
	text := value.(string)
	if day, clock, ok := strings.Cut(text, "T"); ok && len(day) == 10 && strings.HasSuffix(clock, "Z") {
		return day + " " + clock[:8]
	}
	return text
}

func normal(text string) string {
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return text
}
