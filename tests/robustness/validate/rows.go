package validate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

// Querier is a ClickHouse to ask, such as stack.ClickHouse.
type Querier interface {
	Query(ctx context.Context, sql string) ([][]string, error)
}

// Columns are those that a table needs, in SQL: those of a record, and when it was
// inserted, in seconds since 1970.
const Columns = "p UInt32, n UInt64, d String, t UInt32 MATERIALIZED toUInt32(now())"

// Row is a row, and when it was inserted.
type Row struct {
	model.Row
	At int64
}

// chunk are the rows of a part of the table that are of one part of the source.
type chunk struct {
	block int64 // the first that the part of the table has
	rows  []Row
}

// Rows are those of tables that were there one after the other, in the order in which
// they were inserted. The tables have no order of their own (ORDER BY tuple()), so
// that a part, merged or not, keeps that of its inserts.
func Rows(ctx context.Context, ch Querier, tables []string) (rows []Row, err error) {
	for _, table := range tables {
		answer, err := ch.Query(ctx, "SELECT _part, p, groupArray(n), groupArray(length(d)), groupArray(t) FROM "+table+
			" GROUP BY _part, p SETTINGS max_threads = 1")
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", table, err)
		}
		chunks := make([]chunk, len(answer))
		for i, line := range answer {
			if chunks[i], err = parse(line); err != nil {
				return nil, fmt.Errorf("reading %s: %w", table, err)
			}
		}
		slices.SortStableFunc(chunks, func(a, b chunk) int { return cmp.Compare(a.block, b.block) })
		for _, c := range chunks {
			rows = append(rows, c.rows...)
		}
	}
	return rows, nil
}

// parse reads a line of the answer.
func parse(line []string) (c chunk, err error) {
	if len(line) != 5 {
		return c, fmt.Errorf("%d columns in place of 5: %q", len(line), line)
	}
	name := strings.Split(line[0], "_") // all_<first block>_<last block>_<level>
	if len(name) < 4 {
		return c, fmt.Errorf("a part of the table of another name than was thought: %q", line[0])
	}
	if c.block, err = strconv.ParseInt(name[1], 10, 64); err != nil {
		return c, err
	}
	part, err := strconv.Atoi(line[1])
	if err != nil {
		return c, err
	}
	var columns [3][]int64
	for i := range columns {
		if columns[i], err = numbers(line[2+i]); err != nil {
			return c, err
		}
		if len(columns[i]) != len(columns[0]) {
			return c, fmt.Errorf("columns of %d and of %d rows", len(columns[0]), len(columns[i]))
		}
	}
	for i, seq := range columns[0] {
		c.rows = append(c.rows, Row{model.Row{Part: part, Seq: seq, Size: int(columns[1][i])}, columns[2][i]})
	}
	return c, nil
}

// numbers reads an array, such as [1,2,3].
func numbers(text string) ([]int64, error) {
	text = strings.Trim(text, "[]")
	if text == "" {
		return nil, nil
	}
	items := strings.Split(text, ",")
	n := make([]int64, len(items))
	for i, item := range items {
		var err error
		if n[i], err = strconv.ParseInt(item, 10, 64); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// Torn is how many rows hold other bytes than were published: each record is padded
// by one letter, which its number says.
func Torn(ctx context.Context, ch Querier, tables []string) (torn int64, err error) {
	var others strings.Builder
	for i := range 26 {
		fmt.Fprintf(&others, "n %% 26 = %d, length(replaceAll(d, '%c', '')), ", i, 'a'+i)
	}
	for _, table := range tables {
		answer, err := ch.Query(ctx, "SELECT countIf(multiIf("+others.String()+"1) > 0) FROM "+table)
		if err != nil {
			return 0, fmt.Errorf("reading the bytes of %s: %w", table, err)
		}
		n, err := strconv.ParseInt(answer[0][0], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading the bytes of %s: %w", table, err)
		}
		torn += n
	}
	return torn, nil
}

// Newest are the largest numbers that a table has, by part of the source.
func Newest(ctx context.Context, ch Querier, table string) (map[int]int64, error) {
	answer, err := ch.Query(ctx, "SELECT p, max(n) FROM "+table+" GROUP BY p")
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", table, err)
	}
	newest := make(map[int]int64, len(answer))
	for _, line := range answer {
		part, err := strconv.Atoi(line[0])
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", table, err)
		}
		if newest[part], err = strconv.ParseInt(line[1], 10, 64); err != nil {
			return nil, fmt.Errorf("reading %s: %w", table, err)
		}
	}
	return newest, nil
}
