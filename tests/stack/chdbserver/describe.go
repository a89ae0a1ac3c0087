package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// tableColumn is one column as DESCRIBE tells it.
type tableColumn struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Kind    string `json:"default_type"`
	Default string `json:"default_expression"`
}

// describe asks for the columns of a table, a table function, or a query in
// brackets. A named Tuple stands on one line, as it does in a block.
func (h *handler) describe(at scope, what string) ([]tableColumn, error) {
	out, err := h.run(at, "DESCRIBE TABLE "+what+
		" SETTINGS print_pretty_type_names = 0, describe_compact_output = 0, describe_include_subcolumns = 0", "JSONEachRow")
	if err != nil {
		return nil, err
	}
	var columns []tableColumn
	for line := range strings.Lines(string(out.data)) {
		var c tableColumn
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			return nil, fmt.Errorf("reading the description of %s: %w", what, err)
		}
		columns = append(columns, c)
	}
	return columns, nil
}

// headerFor are the columns that an INSERT expects, in its order, and all
// columns of its table. What the engine has against the statement, it says now:
// an INSERT of an empty file asks for it.
func (h *handler) headerFor(at scope, stmt insertStmt, settings string) (header, all []tableColumn, err error) {
	if _, err := h.run(at, stmt.fromFile(os.DevNull, "Native", settings), "Null"); err != nil {
		return nil, nil, err
	}
	what := stmt.target
	if function, ok := cutPrefixFold(what, "FUNCTION "); ok {
		what = strings.TrimSpace(function)
	}
	if all, err = h.describe(at, what); err != nil {
		return nil, nil, err
	}
	if !stmt.hasList {
		return slices.DeleteFunc(slices.Clone(all), func(c tableColumn) bool {
			return c.Kind == "MATERIALIZED" || c.Kind == "ALIAS" || c.Kind == "EPHEMERAL"
		}), all, nil
	}
	names, ok := insertColumns(stmt.list)
	if !ok {
		header, err = h.describe(at, "(SELECT "+stmt.list+" FROM "+what+")")
		return header, all, err
	}
	for _, name := range names {
		if i := slices.IndexFunc(all, func(c tableColumn) bool { return c.Name == name }); i >= 0 {
			header = append(header, all[i])
		}
	}
	return header, all, nil
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// columnsText is how a server describes a table to clients that fill in defaults.
func columnsText(columns []tableColumn) string {
	var out strings.Builder
	fmt.Fprintf(&out, "columns format version: 1\n%d columns:\n", len(columns))
	for _, c := range columns {
		out.WriteString(quoteName(c.Name) + " " + c.Type)
		if c.Kind != "" {
			out.WriteString("\t" + c.Kind + "\t" + c.Default)
		}
		out.WriteString("\n")
	}
	return out.String()
}
