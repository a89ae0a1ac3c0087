package clickhouse

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// diffEngine is the server's own reader of JSONEachRow.
type diffEngine struct {
	server stack.ClickHouse
	client *http.Client
}

func newDiffEngine(t *testing.T, server stack.ClickHouse) *diffEngine {
	e := &diffEngine{server: server, client: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(e.client.CloseIdleConnections)
	return e
}

// post runs a statement with data and settings, and returns the answer.
func (e *diffEngine) post(ctx context.Context, sql string, settings map[string]string, data string) (string, error) {
	params := url.Values{"query": {sql}}
	for name, value := range settings {
		params.Set(name, value)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+e.server.HTTPAddr()+"/?"+params.Encode(), strings.NewReader(data))
	if err != nil {
		return "", err
	}
	req.SetBasicAuth(e.server.User(), e.server.Password())
	resp, err := e.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", strings.TrimSpace(string(body)))
	}
	return string(body), err
}

func (e *diffEngine) exec(t *testing.T, sql string, settings map[string]string) {
	t.Helper()
	_, err := e.post(t.Context(), sql, settings, "")
	require.NoError(t, err, sql)
}

// create makes the table of a schema.
func (e *diffEngine) create(t *testing.T, s *diffSchema, table, engine string) {
	t.Helper()
	e.exec(t, fmt.Sprintf("CREATE TABLE %s (%s) ENGINE = %s SETTINGS flatten_nested = %d, allow_suspicious_low_cardinality_types = 1, allow_suspicious_variant_types = 1",
		table, s.ddl(), engine, btoi(s.flatten)), nil)
}

// diffInsert is an INSERT of records into a table as the engine reads them.
type diffInsert struct {
	engine *diffEngine
	schema *diffSchema
	table  string
}

// diffSacrifice stands between records of which some are refused: when the engine
// looks for the end of one that it does not understand it may pass over a line,
// and it reads a UUID that is too short from what follows.
var diffSacrifice = `{"id":0` + strings.Repeat(" ", 200) + "}\n"

// insert sends records as they are; allowing skips those that the engine
// refuses.
func (i *diffInsert) insert(ctx context.Context, table string, records []*diffRecord, allowing bool) error {
	var data strings.Builder
	for _, r := range records {
		data.WriteString(r.text)
		if len(records) > 1 || allowing {
			data.WriteByte('\n')
		}
		if allowing {
			data.WriteString(diffSacrifice)
		}
	}
	settings := map[string]string{"input_format_parallel_parsing": "0"}
	if i.schema.bestEffort {
		settings["date_time_input_format"] = "best_effort"
	}
	if allowing {
		settings["input_format_allow_errors_num"] = "1000000"
	}
	_, err := i.engine.post(ctx, "INSERT INTO "+table+" ("+i.schema.list()+") FORMAT JSONEachRow", settings, data.String())
	return err
}

// insertAccepted inserts the records that the engine takes and only those. Which they
// are is found out beside the table: all at once, with errors allowed, and those
// that failed once more in the other order, so that none fails for its
// neighbour. What passed goes into the table without that leniency. Records
// whose syntax was tampered with are inserted alone.
func (i *diffInsert) insertAccepted(t *testing.T, records []*diffRecord) {
	t.Helper()
	sift := i.table + "_sift"
	i.engine.create(t, i.schema, sift, "Memory")
	var together, alone []*diffRecord
	for _, r := range records {
		if r.broken || strings.Contains(r.text, "\n") {
			alone = append(alone, r)
		} else {
			together = append(together, r)
		}
	}
	_ = i.trying(t.Context(), sift, together)
	left := i.missing(t, sift, together)
	slices.Reverse(left)
	_ = i.trying(t.Context(), sift, left)
	left = i.missing(t, sift, together)
	passed := slices.DeleteFunc(slices.Clone(together), func(r *diffRecord) bool { return slices.Contains(left, r) })
	if len(passed) > 0 {
		require.NoError(t, i.insert(t.Context(), i.table, passed, false), "the engine took each of these records, but not all of them together")
	}
	for n, r := range left { // the method itself is on trial too
		if n%20 == 0 {
			require.Error(t, i.insert(t.Context(), sift, []*diffRecord{r}, false), "the engine refused this record among others, but takes it alone: %s", r.text)
		}
	}
	for _, r := range alone {
		_ = i.insert(t.Context(), i.table, []*diffRecord{r}, false)
	}
	i.engine.exec(t, "DROP TABLE "+sift, nil)
}

// trying inserts with errors allowed. Some errors end the insert nevertheless:
// then the halves are tried.
func (i *diffInsert) trying(ctx context.Context, table string, records []*diffRecord) error {
	if len(records) == 0 {
		return nil
	}
	err := i.insert(ctx, table, records, true)
	if err == nil || len(records) == 1 {
		return err
	}
	middle := len(records) / 2
	_ = i.trying(ctx, table, records[:middle])
	return i.trying(ctx, table, records[middle:])
}

// missing are the records that are not in the table.
func (i *diffInsert) missing(t *testing.T, table string, records []*diffRecord) []*diffRecord {
	t.Helper()
	answer, err := i.engine.post(t.Context(), "SELECT DISTINCT toString(id) FROM "+table+" FORMAT TabSeparated", nil, "")
	require.NoError(t, err)
	ids := map[string]bool{}
	for id := range strings.FieldsSeq(answer) {
		ids[id] = true
	}
	return slices.DeleteFunc(slices.Clone(records), func(r *diffRecord) bool { return ids[fmt.Sprint(r.n)] })
}

// diffRow is a stored row: per column what the engine prints, and its bytes.
type diffRow struct {
	values     map[string]*diffNode
	bytes      map[string]string
	unreadable error
}

// diffPrinting makes the engine print values exactly.
var diffPrinting = map[string]string{
	"max_threads": "1",
	"output_format_json_quote_64bit_integers":             "0",
	"output_format_json_quote_decimals":                   "0",
	"output_format_json_quote_denormals":                  "1",
	"output_format_json_escape_forward_slashes":           "0",
	"output_format_json_named_tuples_as_objects":          "0",
	"date_time_output_format":                             "iso",
	"output_format_json_map_as_array_of_tuples":           "0",
	"allow_special_serialization_kinds_in_output_formats": "0",
}

// rows reads a table by id, from first to last. A row that is there twice is in
// it twice. The engine stores rows that it cannot read: they are there without
// values.
func (e *diffEngine) rows(t *testing.T, table string, s *diffSchema, first, last int) map[int][]*diffRow {
	t.Helper()
	var names []string
	expressions := []string{"id"}
	for _, c := range s.leaves() {
		if c.selected() {
			names = append(names, c.name)
			expressions = append(expressions, quote(c.name), c.bytes())
		}
	}
	sql := fmt.Sprintf("SELECT %s FROM %s WHERE id BETWEEN %d AND %d ORDER BY id FORMAT JSONCompactEachRow", strings.Join(expressions, ", "), table, first, last)
	answer, err := e.post(t.Context(), sql, diffPrinting, "")
	switch {
	case err == nil:
		return parseDiffRows(t, names, answer)
	case first == last:
		return map[int][]*diffRow{first: {{unreadable: err}}}
	}
	middle := (first + last) / 2
	rows := e.rows(t, table, s, first, middle)
	maps.Copy(rows, e.rows(t, table, s, middle+1, last))
	return rows
}

func parseDiffRows(t *testing.T, names []string, answer string) map[int][]*diffRow {
	t.Helper()
	rows := map[int][]*diffRow{}
	for line := range strings.Lines(answer) {
		n, err := diffParse([]byte(line))
		require.NoError(t, err)
		row := &diffRow{values: map[string]*diffNode{}, bytes: map[string]string{}}
		for i, name := range names {
			row.values[name], row.bytes[name] = n.items[1+2*i], n.items[2+2*i].text
		}
		id, err := strconv.Atoi(n.items[0].text)
		require.NoError(t, err)
		rows[id] = append(rows[id], row)
	}
	return rows
}

// bytes is an expression for the bytes of a column's value. Of JSON it is the
// paths with their types and values, since their order is not always the same.
func (c *diffColumn) bytes() string {
	name := quote(c.name)
	if c.t.family.name == "JSON" {
		return "concat(toString(mapSort(JSONAllPathsWithTypes(" + name + "))), toString(" + name + "))"
	}
	if c.t.within("JSON") {
		return "toString(" + name + ")"
	}
	return "hex(formatRow('RowBinary', " + name + "))"
}
