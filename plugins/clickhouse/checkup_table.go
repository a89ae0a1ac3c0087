package clickhouse

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

// The settings of a server and its tables that bound inserts.
const (
	settingMostParts      = "parts_to_throw_insert"
	settingMostPartitions = "max_partitions_per_insert_block"
)

const (
	// spreadOut is how many partitions one insert may go to before it is
	// worth a word: each makes a part of its own.
	spreadOut = 10
	// mergeTime is how long a table should take the parts of without any merge.
	mergeTime = time.Minute
)

// checkTables looks at a table on every shard. It returns the columns to insert,
// nil if there are none to be had.
func (o *output) checkTables(ctx context.Context, clusters []*server.Cluster, facts checkup.Facts, t *trial, report *checkup.Report) (first *column.Schema) {
	for _, c := range clusters {
		var s *column.Schema
		err := c.Do(ctx, func(ctx context.Context, r server.Server) (err error) {
			n := node{r, &o.cfg}
			if s, err = n.testColumns(ctx, t.table); err != nil {
				return n.explainTable(t.table, err)
			}
			if err := n.testInsert(ctx, s, t.table); err != nil {
				return n.explainInsert(t.table, err)
			}
			return nil
		})
		if err != nil {
			report.Fail("table", fieldTable, o.cfg.redact(err).Error(), "")
			continue
		}
		report.OK("table", fieldTable, "table %q on %s has %d columns to insert into, and user %q may insert", t.table, c.Replicas()[0].Address(), len(s.Columns), o.cfg.server.Username)
		first = cmp.Or(first, s)
		err = c.Do(ctx, func(ctx context.Context, r server.Server) error {
			o.examineTable(ctx, node{r, &o.cfg}, facts, t, s, report)
			return nil
		})
		if err != nil {
			report.Unchecked("parts", fieldTable, o.cfg.redact(err))
		}
	}
	return first
}

// explainTable is explain for a table that records name.
func (n node) explainTable(table string, err error) error {
	if code, ok := server.Code(err); ok && code == server.CodeUnknownTable {
		return fmt.Errorf("%s.%s: table %q does not exist on %s; create it or correct the name: %w", pluginName, fieldTable, n.cfg.qualified(table), n.Address(), n.cfg.redact(err))
	}
	return n.explain(err)
}

// examineTable looks at what a table makes of inserts.
func (o *output) examineTable(ctx context.Context, n node, facts checkup.Facts, t *trial, s *column.Schema, report *checkup.Report) {
	if err := o.checkWindow(ctx, n, t.table, report); err != nil {
		report.Unchecked("deduplication", fieldDeduplicate, fmt.Errorf("table %q: %w", t.table, n.cfg.redact(err)))
	}
	if err := o.checkViews(ctx, n, t.table, report); err != nil {
		report.Unchecked("deduplication", fieldDeduplicate, fmt.Errorf("the views of table %q: %w", t.table, n.cfg.redact(err)))
	}
	if err := o.checkOrder(ctx, n, t.table, s, report); err != nil {
		report.Unchecked("order", fieldPreserveOrder, fmt.Errorf("table %q: %w", t.table, n.cfg.redact(err)))
	}
	if err := checkParts(ctx, n, facts, t, s, report); err != nil {
		report.Unchecked("parts", fieldTable, fmt.Errorf("table %q: %w", t.table, n.cfg.redact(err)))
	}
}

// checkWindow compares the inserts that a table remembers with those that may
// come between one and its repetition.
func (o *output) checkWindow(ctx context.Context, n node, table string, report *checkup.Report) error {
	once := o.once()
	if o.cfg.deduplicate == deduplicateOff {
		if once {
			report.Fail("deduplication", fieldDeduplicate, `is "off", but an input has exactly_once set`, `choose "auto", or turn exactly_once off`)
		} else {
			report.Info("deduplication", fieldDeduplicate, "is off: an insert whose outcome is unknown may be stored twice")
		}
		return nil
	}
	missing, size, err := (&window{cfg: n.cfg, table: table, log: o.log}).missing(ctx, n)
	if err != nil {
		return err
	}
	need := int64(o.cfg.maxInFlight + o.cfg.maxBatches)
	if once {
		need = max(need, smallWindow)
	}
	switch {
	case missing != "" && (once || o.cfg.deduplicate == deduplicateOn):
		report.Fail("deduplication", fieldDeduplicate, fmt.Sprintf("inserts into table %q are not deduplicated, which exactly_once and deduplicate: on rely on: %s", table, missing),
			"put that right, or turn exactly_once off and choose deduplicate: auto")
	case missing != "":
		report.Warn("deduplication", fieldDeduplicate, fmt.Sprintf("an insert into table %q whose outcome is unknown may be stored twice: %s", table, missing), "put that right, or choose deduplicate: off if that does not matter")
	case size < need:
		report.Warn("deduplication", fieldDeduplicate,
			fmt.Sprintf("table %q remembers its last %d inserts, and up to %d may come between one and its repetition (max_in_flight, retry.max_batches, replay after a crash)", table, size, need),
			fmt.Sprintf("raise its deduplication window to %d or more", need))
	default:
		report.OK("deduplication", fieldDeduplicate, "table %q remembers its last %d inserts", table, size)
	}
	return nil
}

// checkParts compares the parts that inserts make with what the table takes.
func checkParts(ctx context.Context, n node, facts checkup.Facts, t *trial, s *column.Schema, report *checkup.Report) error {
	table, err := server.ParseTable(t.table)
	if err != nil {
		return err
	}
	engine, definition, err := n.Engine(ctx, table)
	if err != nil {
		return err
	}
	if !strings.HasSuffix(engine, "MergeTree") {
		report.Info("parts", fieldTable, "table %q has the engine %s, which keeps no parts itself", t.table, engine)
		return nil
	}
	partitions, of, err := countPartitions(ctx, n, partitionKey(definition), s, t)
	if err != nil {
		report.Unchecked("partitions", fieldTable, fmt.Errorf("table %q: how many partitions the records go to: %w", t.table, err))
		partitions = 1
	} else if err := checkPartitions(ctx, n, partitions, of, t.table, report); err != nil {
		return err
	}
	most, given := server.SettingIn(definition, settingMostParts)
	if !given {
		if most, err = server.TableSetting(ctx, n, settingMostParts); err != nil {
			return err
		}
	}
	reportParts(engine, most, partitions, facts.Buffer, t, report)
	return checkMerges(ctx, n, table, most, report)
}

// checkMerges looks at the parts that there are now.
func checkMerges(ctx context.Context, n node, table server.Table, most int64, report *checkup.Report) error {
	where := "currentDatabase()"
	if table.Database != "" {
		where = server.Literal(table.Database)
	}
	parts, err := server.Number(ctx, n, "SELECT toString(max(n)) FROM (SELECT count() AS n FROM system.parts WHERE active AND database = "+where+" AND table = "+server.Literal(table.Name)+" GROUP BY partition)")
	if err != nil {
		return err
	}
	if most > 0 && parts > most/2 {
		report.Warn("parts", fieldTable, fmt.Sprintf("a partition of table %q has %d parts, and inserts are refused above %d (%s): merges do not keep up", table, parts, most, settingMostParts),
			"make inserts larger and rarer, and see what holds the merges up (system.merges, disk)")
	}
	return nil
}

func reportParts(engine string, most, partitions int64, buffer checkup.Buffer, t *trial, report *checkup.Report) {
	inserts := insertsPerSecond(t.rate, buffer)
	if inserts == 0 {
		report.Info("parts", fieldTable, "how many inserts table %q (%s) gets is not known without a rate; %s is %d", t.table, engine, settingMostParts, most)
		return
	}
	parts := inserts * float64(max(1, partitions))
	if most > 0 {
		if lasts := time.Duration(float64(most) / parts * float64(time.Second)); lasts < mergeTime {
			report.Warn("parts", fieldTable,
				fmt.Sprintf("%.1f inserts a second into table %q make %.0f parts a second: without merges, %s (%d) is reached in %s, and inserts are refused", inserts, t.table, parts, settingMostParts, most, lasts.Round(time.Second)),
				"make batches larger and rarer (batch.count, batch.period of the buffer), or the partition key coarser")
			return
		}
	}
	report.OK("parts", fieldTable, "table %q (%s): %.1f inserts and %.1f parts a second at %.1f records a second; %s is %d", t.table, engine, inserts, parts, t.rate, settingMostParts, most)
}

// insertsPerSecond is how many inserts a rate of records makes: batches leave
// when they are full, or when their period is over.
func insertsPerSecond(rate float64, b checkup.Buffer) float64 {
	if rate == 0 || b.BatchCount == 0 {
		return 0
	}
	return max(rate/float64(b.BatchCount), min(rate, 1/b.BatchPeriod.Seconds()))
}

func checkPartitions(ctx context.Context, n node, partitions int64, of int, table string, report *checkup.Report) error {
	most, err := server.Number(ctx, n, "SELECT value FROM system.settings WHERE name = "+server.Literal(settingMostPartitions))
	if err != nil {
		return err
	}
	saw := fmt.Sprintf("%d records go to %d partition(s) of table %q", of, partitions, table)
	switch {
	case most > 0 && partitions > most:
		report.Fail("partitions", fieldTable, fmt.Sprintf("%s, and an insert may go to %d (%s): it is refused", saw, most, settingMostPartitions), "make the partition key coarser: a day or a month is enough")
	case partitions > spreadOut:
		report.Warn("partitions", fieldTable, saw+": each insert makes a part in each", "make the partition key coarser: a day or a month is enough")
	case of > 0:
		report.OK("partitions", fieldTable, "%s", saw)
	}
	return nil
}

var partitionBy = regexp.MustCompile(`PARTITION BY (.+?)(?: PRIMARY KEY | ORDER BY | SAMPLE BY | TTL | SETTINGS |$)`)

// partitionKey is the expression of a table's definition, "" if it has none.
func partitionKey(definition string) string {
	m := partitionBy.FindStringSubmatch(definition)
	if m == nil {
		return ""
	}
	return m[1]
}

// mostQuery is how many bytes of records a query carries: servers parse 256 KiB.
const mostQuery = 128 << 10

// countPartitions lets the server compute the partition key of the records: it
// reads them from the query, and no table. It returns as well how many they were.
func countPartitions(ctx context.Context, n node, key string, s *column.Schema, t *trial) (partitions int64, of int, err error) {
	if key == "" {
		return 1, len(t.records), nil
	}
	structure, err := keyColumns(key, s, n.cfg)
	if err != nil || len(structure) == 0 || len(t.records) == 0 {
		return 1, len(t.records), err
	}
	var lines strings.Builder
	for _, r := range t.records {
		if data, err := r.bytes(); err == nil && json.Valid(data) && lines.Len()+len(data) < mostQuery {
			lines.Write(data)
			lines.WriteByte('\n')
			of++
		}
	}
	partitions, err = server.Number(ctx, n, "SELECT toString(uniqExact("+key+")) FROM format(JSONEachRow, "+server.Literal(strings.Join(structure, ", "))+", "+server.Literal(lines.String())+")"+
		" SETTINGS input_format_skip_unknown_fields = 1, date_time_input_format = 'best_effort'")
	return partitions, of, err
}

// keyColumns describes the columns that an expression uses, for a table function.
func keyColumns(key string, s *column.Schema, cfg *config) (structure []string, err error) {
	if cfg.times.EpochDigits >= 0 {
		return nil, fmt.Errorf("%s is set, whose numbers the server reads otherwise", fieldEpochUnit)
	}
	for _, c := range s.Columns {
		if !regexp.MustCompile("(^|[^A-Za-z0-9_])" + regexp.QuoteMeta(c.Name) + "($|[^A-Za-z0-9_])").MatchString(key) {
			continue
		}
		if from, mapped := cfg.columns.sources[c.Name]; mapped && from.text != c.Name {
			return nil, fmt.Errorf("column %q is not taken from the field of its name", c.Name)
		}
		structure = append(structure, server.Quote(c.Name)+" "+c.Type)
	}
	return structure, nil
}
