package clickhouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
)

// mostKinds bounds how many kinds of bad records are reported of one table.
const mostKinds = 10

// trial is what there is to say about one table.
type trial struct {
	table   string
	records []record
	rate    float64 // a second, into this table
	inputs  []string
}

// Try implements checkup.Taker: it decodes the records for the tables that they
// would go to, and looks at these tables. Nothing is inserted.
func (o *output) Try(ctx context.Context, facts checkup.Facts, samples []*checkup.Sample, report *checkup.Report) {
	clusters := o.newClusters()
	defer func() {
		for _, c := range clusters {
			_ = c.Close()
		}
	}()
	for _, t := range o.trials(samples, report) {
		s := o.checkTables(ctx, clusters, facts, t, report)
		if s != nil && len(t.records) > 0 {
			o.tryRecords(s, t, report)
		}
	}
}

// trials sorts the records by table. Where none came, the input's metadata may
// tell the table.
func (o *output) trials(samples []*checkup.Sample, report *checkup.Report) []*trial {
	tables := map[string]*trial{}
	of := func(table, input string) *trial {
		t := tables[table]
		if t == nil {
			t = &trial{table: table}
			tables[table] = t
		}
		if !slices.Contains(t.inputs, input) {
			t.inputs = append(t.inputs, input)
		}
		return t
	}
	if o.cfg.namer.literal() != "" {
		tables[o.cfg.namer.literal()] = &trial{table: o.cfg.namer.literal()}
	}
	for _, sample := range samples {
		came := recordsOf(sample.Batch)
		all := o.withoutFailed(came)
		if sample.Records == 0 || len(all) == 0 {
			if name, err := o.tableOf(sample); err == nil {
				of(name, sample.Input)
			} else {
				report.Info("table", fieldTable, "no record of %s came, which would tell its table", sample.Input)
			}
			continue
		}
		if o.letters.reject && len(came) > len(sample.Batch) {
			report.Warn("records", fieldDeadLetter, fmt.Sprintf("messages of %s hold several records, and reject hands a whole message back for one bad record of it: its other records are delivered and stored again", sample.Input),
				"choose another output for dead_letter, or let a message have one record (records_per_message: 1, unframe)")
		}
		groups, bad := o.cfg.namer.split(all)
		groups, homeless := o.cfg.sharder.divide(all, groups)
		reportRejections("records", fieldTable, sample.Input, len(all), rejectionsOf(append(bad, homeless...)), report)
		for _, g := range groups {
			t, records := of(g.table, sample.Input), g.of(all)
			t.records = append(t.records, records...)
			t.rate += sample.Rate * float64(len(records)) / float64(len(came))
		}
	}
	return slices.SortedFunc(maps.Values(tables), func(a, b *trial) int { return strings.Compare(a.table, b.table) })
}

// withoutFailed leaves out the records that a processor has failed at, unless they are
// stored all the same: they are dead letters, whatever their columns would say of them.
func (o *output) withoutFailed(all []record) []record {
	failed := failedAt(all)
	if failed == nil || o.cfg.storeFailed {
		return all
	}
	var well []record
	for i, r := range all {
		if failed[i] == nil {
			well = append(well, r)
		}
	}
	return well
}

// tableOf tells the table of an input of which no record came.
func (o *output) tableOf(sample *checkup.Sample) (string, error) {
	if o.cfg.namer.literal() != "" {
		return o.cfg.namer.literal(), nil
	}
	if o.cfg.namer.ofRecord { // which may take what only records have
		return "", rec.ErrNoColumn
	}
	name, err := o.cfg.namer.name(record{msg: sample.Blank})
	return name, cmp.Or(err, checkTableName(name))
}

// rejection is bad records that have the same fault.
type rejection struct {
	column string
	fault  string
	rows   int
	sample string // one of them
}

// rejectionsOf counts bad records by column and fault, the most frequent one first.
func rejectionsOf(bad []badRow) []*rejection {
	all := map[[2]string]*rejection{}
	for _, row := range bad {
		key := [2]string{"", row.err.Error()}
		var fault *rec.RowError
		if errors.As(row.err, &fault) {
			key = [2]string{fault.Column, fault.Err.Error()}
		}
		k := all[key]
		if k == nil {
			k = &rejection{column: key[0], fault: key[1], sample: row.err.Error()}
			all[key] = k
		}
		k.rows++
	}
	return slices.SortedFunc(maps.Values(all), func(a, b *rejection) int {
		return cmp.Or(cmp.Compare(b.rows, a.rows), strings.Compare(a.sample, b.sample))
	})
}

func reportRejections(check, field, where string, of int, kinds []*rejection, report *checkup.Report) {
	for i, k := range kinds {
		if i == mostKinds {
			left, rows := []string{}, 0
			for _, k := range kinds[mostKinds:] {
				if rows += k.rows; k.column != "" && !slices.Contains(left, k.column) {
					left = append(left, k.column)
				}
			}
			report.Info(check, field, "%s: %d more kinds of bad records, %d records, are not listed; columns: %s", where, len(kinds)-mostKinds, rows, cmp.Or(list(left), "none"))
			return
		}
		report.Fail(check, cmp.Or(k.column, field), fmt.Sprintf("%s: %d of %d records would be rejected: %s", where, k.rows, of, k.sample),
			"change the column, map it (columns), or mend the publisher; until then these records go to dead_letter")
	}
}

// tryRecords decodes the records as an insert would, and reports what does not
// fit, and which fields and columns have no counterpart.
func (o *output) tryRecords(s *column.Schema, t *trial, report *checkup.Report) {
	d := newDecoder(s, &o.cfg, func() (*column.Block, error) { return newBlock(s, o.cfg.times) })
	d.records = t.records
	var bad []badRow
	for i, r := range t.records {
		data, err := r.bytes()
		if err == nil {
			err = d.Add(data, i)
		}
		if err != nil {
			bad = append(bad, badRow{index: i, table: t.table, err: err})
		}
	}
	where := fmt.Sprintf("table %q (%s)", t.table, strings.Join(t.inputs, ", "))
	reportRejections("records", fieldColumns, where, len(t.records), rejectionsOf(bad), report)
	stored := len(t.records) - len(bad)
	if len(bad) == 0 {
		report.OK("records", fieldTable, "%s: all of %d records fit", where, stored)
	}
	if unused := d.Unused(); len(unused) > 0 {
		report.Info("fields", fieldUnknownFields, "%s: no column takes %s", where, list(unused))
	}
	if stored > 0 {
		reportEmpty(s, d.Seen, where, report)
	}
}

// reportEmpty names the columns that no record has a value for.
func reportEmpty(s *column.Schema, seen func(column int) bool, where string, report *checkup.Report) {
	var defaulted, nulled, zeroed []string
	for i, c := range s.Columns {
		switch {
		case seen(i):
		case c.HasDefault:
			defaulted = append(defaulted, c.Name)
		case strings.HasPrefix(c.Type, "Nullable(") || strings.HasPrefix(c.Type, "LowCardinality(Nullable("):
			nulled = append(nulled, c.Name)
		default:
			zeroed = append(zeroed, c.Name)
		}
	}
	if len(defaulted) > 0 {
		report.Info("columns", fieldColumns, "%s: no record has %s, the table's defaults apply", where, list(defaulted))
	}
	if len(nulled) > 0 {
		report.Info("columns", fieldColumns, "%s: no record has %s, which become null", where, list(nulled))
	}
	if len(zeroed) > 0 {
		report.Warn("columns", fieldColumns, fmt.Sprintf("%s: no record has %s, and there is no default: zeros and empty texts are stored", where, list(zeroed)),
			"map them to their fields (columns), name the columns to insert, or give them a DEFAULT")
	}
}

// list names a few of many.
func list(names []string) string {
	const most = 12
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
