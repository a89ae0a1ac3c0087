package clickhouse

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// columnsField is the field columns: a list of names, or a map of columns to
// the sources of their values.
func columnsField() *service.ConfigField {
	return service.NewAnyField(fieldColumns).
		Description("The columns to insert. Default: all columns of the table that can be inserted, each from the field of its name. " +
			"A list of names inserts these alone, each from the field of its name. " +
			"A map inserts its columns alone, each from a Bloblang expression. A field path (`quote.bid`, or `this.quote.bid`) and a metadata key (`@kafka_offset`) are read without Bloblang and cost next to nothing; `this` is the record as it came; " +
			"any other expression costs what Bloblang takes for it, about a microsecond per record. " +
			"A path is missing where a parent is missing or null, a metadata key where the message has none, an expression where it is `deleted()`; a parent that is no object and an expression that fails are errors of the row.").
		Default([]any{}).
		Example([]any{"symbol", "ts", "price"}).
		Example(map[string]any{"bid": "quote.bid", "src_offset": "@kafka_offset", "venue": `"binance"`, "cents": "this.price * 100"}).
		LintRule(`root = match {
  this.type() == "array" => if this.any(c -> c.type() != "string" || c.string().trim() == "") {
    ["` + fieldColumns + `: a list of column names is expected, one of its items is empty or no text"]
  } else if this.unique().length() != this.length() {
    ["` + fieldColumns + `: a column is named twice"]
  },
  this.type() == "object" => this.key_values().sort_by(c -> c.key).map_each(c -> if c.value.type() != "string" {
    "` + fieldColumns + `.%s: is %s, a field path (quote.bid), @metadata or a Bloblang expression in quotes is required".format(c.key, c.value.format_json(no_indent: true).string())
  } else if c.value.` + methodSourceFault + `() != "" {
    "` + fieldColumns + `.%s: %s".format(c.key, c.value.` + methodSourceFault + `())
  } else { deleted() }),
  _ => ["` + fieldColumns + `: is %v, a list of column names or a map of columns to their sources is required".format(this)]
}`)
}

// methodSourceFault is the Bloblang method that the lint rule of columns asks
// what is wrong with a source.
const methodSourceFault = "clickhouse_source_fault"

// registerSourceFault has to come before the registration of a spec with the
// rule.
func registerSourceFault() {
	bloblang.MustRegisterMethodV2(methodSourceFault,
		bloblang.NewPluginSpec().Category("ClickHouse").Static().
			Description("Returns what is wrong with a source of the field `columns` of the output `clickhouse`, an empty string if nothing is. The linter uses it."),
		func(*bloblang.ParsedParams) (bloblang.Method, error) {
			return bloblang.StringMethod(func(text string) (any, error) {
				if _, err := parseSource(text); err != nil {
					return err.Error(), nil
				}
				return "", nil
			}), nil
		})
}

// columnSet is the field columns as it was given.
type columnSet struct {
	names   []string          // of the columns to insert; none for all of the table's
	sources map[string]source // by column; nil where each column has the field of its name

	metadata []string // the keys that sources name
}

// parseColumns reads the value of the field columns.
func parseColumns(given any) (columnSet, error) {
	var c columnSet
	var err error
	switch given := given.(type) {
	case []any:
		c.names, err = columnNames(given)
	case map[string]any:
		c.names = slices.Sorted(maps.Keys(given))
		c.sources, err = columnSources(given, c.names)
		for _, name := range c.names {
			if s := c.sources[name]; s.key != "" {
				c.metadata = append(c.metadata, s.key)
			}
		}
	default:
		err = fmt.Errorf(": is %v, a list of column names or a map of columns to their sources is required", given)
	}
	if err != nil {
		return c, fmt.Errorf("%s.%s%w", pluginName, fieldColumns, err)
	}
	return c, nil
}

func columnNames(given []any) ([]string, error) {
	var names []string
	for _, item := range given {
		name, ok := item.(string)
		switch {
		case !ok || name == "":
			return nil, fmt.Errorf(": %q is not the name of a column", fmt.Sprint(item))
		case slices.Contains(names, name):
			return nil, fmt.Errorf(": column %q is named twice", name)
		}
		names = append(names, name)
	}
	return names, nil
}

func columnSources(given map[string]any, names []string) (map[string]source, error) {
	if len(given) == 0 {
		return nil, nil
	}
	sources := make(map[string]source, len(given))
	for _, name := range names {
		text, ok := given[name].(string)
		if !ok {
			return nil, fmt.Errorf(".%s: is %v, a field path, @metadata or a Bloblang expression in quotes is required", name, given[name])
		}
		s, err := parseSource(text)
		if err == nil && name == "" {
			err = errors.New("the name of the column is empty")
		}
		if err != nil {
			return nil, fmt.Errorf(".%s: %w", name, err)
		}
		sources[name] = s
	}
	return sources, nil
}
