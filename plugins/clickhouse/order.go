package clickhouse

import (
	"context"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

// order warns, once, of a table to which the order of its rows matters while
// nothing keeps it. It is safe for concurrent use.
type order struct {
	cfg   *config
	table server.Table
	log   *service.Logger
	done  atomic.Bool
}

// check looks at a table whose columns were read. What the user may not see of it
// is no trouble.
func (o *order) check(ctx context.Context, s server.Server, columns *column.Schema) {
	if o.cfg.preserveOrder || o.done.Load() {
		return
	}
	engine, definition, err := s.Engine(ctx, o.table)
	if err != nil || o.done.Swap(true) {
		return
	}
	if why := orderMatters(engine, definition, columns); why != "" {
		o.log.With("table", o.table.String()).Warnf("In table %q the order of inserts decides what is kept, since %s, and inserts may overtake each other: give it a version, or set %s", o.table, why, fieldPreserveOrder)
	}
}

// Engines that keep one of several rows by the order in which they came, whatever
// their parameters are, and the functions that do so with values.
var (
	orderedEngine   = regexp.MustCompile(`^(Replicated|Shared)?(CollapsingMergeTree|CoalescingMergeTree)$|^(EmbeddedRocksDB|KeeperMap|Redis|Join)$`)
	orderedFunction = regexp.MustCompile(`^SimpleAggregateFunction\((any|first_value|last_value)`)
)

// orderMatters says why the order in which a table gets its rows decides what is
// kept of them, "" if it does not, as far as its definition tells.
func orderMatters(engine, definition string, columns *column.Schema) string {
	plain := strings.TrimPrefix(strings.TrimPrefix(engine, "Replicated"), "Shared")
	switch {
	case orderedEngine.MatchString(engine):
		return "its engine is " + engine
	case plain == "ReplacingMergeTree" && len(engineParameters(definition)) == 0:
		return "its engine is " + engine + " without a version column"
	case plain == "AggregatingMergeTree":
		for _, c := range columns.Columns {
			if orderedFunction.MatchString(c.Type) {
				return "its column " + server.Quote(c.Name) + " is " + c.Type
			}
		}
	}
	return ""
}

var onlyDigits = regexp.MustCompile(`^\d+$`)

// engineParameters are the parameters of an engine of the MergeTree family that are
// its own: not where a replicated one keeps its state, nor the key and granularity
// of the syntax from before ORDER BY.
func engineParameters(definition string) (own []string) {
	name, rest, found := strings.Cut(definition, "(")
	if !found || strings.Contains(name, " ") {
		return nil
	}
	old := !strings.Contains(definition, " ORDER BY ")
	for _, parameter := range parametersOf(rest) {
		switch {
		case strings.HasPrefix(parameter, "'"), parameter == "":
		case old && onlyDigits.MatchString(parameter):
			own, old = nil, false
		default:
			own = append(own, parameter)
		}
	}
	return own
}

// parametersOf divides a list at its commas, up to the parenthesis that closes it.
func parametersOf(text string) (list []string) {
	depth, from := 0, 0
	var quote byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '`':
			quote = c
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == ')':
			return append(list, strings.TrimSpace(text[from:i]))
		case c == ',' && depth == 0:
			list = append(list, strings.TrimSpace(text[from:i]))
			from = i + 1
		}
	}
	return list
}
