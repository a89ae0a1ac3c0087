package clickhouse

import (
	"context"
	"fmt"
	"regexp"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

// checkOrder looks whether the order of a table's rows matters, and is kept.
func (o *output) checkOrder(ctx context.Context, n node, table string, s *column.Schema, report *checkup.Report) error {
	t, err := server.ParseTable(table)
	if err != nil {
		return err
	}
	engine, definition, err := n.Engine(ctx, t)
	if err != nil {
		return err
	}
	switch why := orderMatters(engine, definition, s); {
	case why == "":
	case o.cfg.preserveOrder:
		report.OK("order", fieldPreserveOrder, "the order of inserts into table %q decides what is kept, since %s, and it is kept", table, why)
	default:
		report.Warn("order", fieldPreserveOrder, fmt.Sprintf("the order of inserts into table %q decides what is kept, since %s, and inserts may overtake each other", table, why),
			"give it a version (ReplacingMergeTree(version), VersionedCollapsingMergeTree), or set preserve_order: true")
	}
	return nil
}

// mostFilled bounds how many tables are looked at that views fill.
const mostFilled = 50

// filled is a table that a materialized view fills.
type filled struct {
	by, into server.Table
}

// checkViews looks at the tables that materialized views fill with the rows of a
// table which recognises a repeated insert: one that does not gets them again.
func (o *output) checkViews(ctx context.Context, n node, table string, report *checkup.Report) error {
	t, err := server.ParseTable(table)
	if err != nil || o.cfg.deduplicate == deduplicateOff {
		return err
	}
	if own, err := n.Window(ctx, t); err != nil || own.Missing != "" {
		return err // which is told already
	}
	fine, seen := 0, map[server.Table]bool{}
	for next := []server.Table{t}; len(next) > 0 && len(seen) < mostFilled; next = next[1:] {
		targets, err := filledFrom(ctx, n, next[0])
		if err != nil {
			return err
		}
		for _, f := range targets {
			if seen[f.into] {
				continue
			}
			seen[f.into] = true
			next = append(next, f.into)
			w, err := n.Window(ctx, f.into)
			switch {
			case err != nil:
				return err
			case w.Engine == "Null": // which keeps nothing; its own views may
			case w.Missing != "":
				report.Warn("deduplication", fieldDeduplicate,
					fmt.Sprintf("an insert into table %q that is sent again is recognised there, but its rows are stored again in %s, which the view %s fills: %s", table, f.into, f.by, w.Missing),
					"give that table a window as well, or one of another engine")
			default:
				fine++
			}
		}
	}
	if fine > 0 {
		report.OK("deduplication", fieldDeduplicate, "%d table(s) that views of table %q fill remember their last inserts", fine, table)
	}
	return nil
}

// filledFrom lists the tables that views fill with the rows of a table.
func filledFrom(ctx context.Context, n node, t server.Table) (all []filled, err error) {
	where := "database = currentDatabase()"
	if t.Database != "" {
		where = "database = " + server.Literal(t.Database)
	}
	views, err := n.Texts(ctx, 2, "SELECT d, t FROM system.tables ARRAY JOIN dependencies_database AS d, dependencies_table AS t WHERE "+where+" AND name = "+server.Literal(t.Name))
	if err != nil {
		return nil, err
	}
	for _, view := range views {
		by := server.Table{Database: view[0], Name: view[1]}
		rows, err := n.Texts(ctx, 2, "SELECT create_table_query, toString(uuid) FROM system.tables WHERE engine = 'MaterializedView' AND database = "+server.Literal(by.Database)+" AND name = "+server.Literal(by.Name))
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 { // a view of another kind
			continue
		}
		into, err := targetOf(by, rows[0][0], rows[0][1])
		if err != nil {
			return nil, err
		}
		all = append(all, filled{by: by, into: into})
	}
	return all, nil
}

const sqlName = "(?:`(?:[^`\\\\]|\\\\.)*`|[A-Za-z0-9_]+)"

var viewInto = regexp.MustCompile(`^CREATE MATERIALIZED VIEW (?:IF NOT EXISTS )?` + sqlName + `(?:\.` + sqlName + `)?(?: UUID '[^']*')? TO (` + sqlName + `(?:\.` + sqlName + `)?)`)

// targetOf is the table that a view of this definition fills: the one that it
// names, or one of its own.
func targetOf(view server.Table, definition, uuid string) (server.Table, error) {
	if m := viewInto.FindStringSubmatch(definition); m != nil {
		into, err := server.ParseTable(m[1])
		if into.Database == "" {
			into.Database = view.Database
		}
		return into, err
	}
	if uuid != "00000000-0000-0000-0000-000000000000" {
		return server.Table{Database: view.Database, Name: ".inner_id." + uuid}, nil
	}
	return server.Table{Database: view.Database, Name: ".inner." + view.Name}, nil
}
