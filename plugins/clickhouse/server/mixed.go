package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// Rows that lack different columns cannot share an INSERT that leaves those out. They
// come as a table of the query's own instead, an external table: the columns under
// names that no default refers to, and beside each that some row lacks a flag. A
// SELECT makes of it the table's columns, under their names, so that defaults which
// refer to other columns find the values that these get.

// errMixed says that a server does not take rows that lack different columns.
var errMixed error = &classifiedError{SchemaFault, "a setting that this user may not change stands in the way of an INSERT of rows that lack different columns"}

// mixture is the statement of an INSERT of rows that lack different columns.
type mixture struct {
	external string // the name of the rows' table
	sql      string
	// last says that over HTTP nothing may come behind it: old servers take what is left
	// of a form for the beginning of another request.
	last bool
}

// externalName is what the external table is called. It must not be the table's own
// name: statements would mean the external one by it.
func externalName(t Table) string {
	const name = "data_bridge_rows"
	if t.Name == name {
		return name + "_"
	}
	return name
}

// mix makes fields and statement of the rows' columns. A column is taken as it is if
// presence says that every row has it. Where short is set, the server works defaults
// out for the rows alone that lack them; older ones, which do not, know no "if" that
// takes every type either.
func (r *rows) mix(s *column.Schema, columns []column.Column, given []*column.Flags, presence func(int) column.Presence, short bool) {
	prefix := freePrefix(s)
	var targets, values []string
	for i, spec := range s.Columns {
		name := prefix + strconv.Itoa(i)
		value := name
		r.fields = append(r.fields, field{column.Spec{Name: name, Type: column.Unnested(spec.Type)}, columns[i]})
		if presence(i) != column.EveryRow {
			flag := name + "_given"
			r.fields = append(r.fields, field{column.Spec{Name: flag, Type: "UInt8"}, given[i]})
			value = chosen(flag, name, casted(spec), short)
		}
		targets = append(targets, Quote(spec.Name))
		values = append(values, value+" AS "+Quote(spec.Name))
	}
	external := externalName(r.table)
	r.mixture = &mixture{external: external, last: !short, sql: "INSERT INTO " + r.table.SQL() + " (" + strings.Join(targets, ", ") + ") SELECT " +
		inQuery(s, targets, values, external)}
}

// chosen is an expression for the value if the flag is 1, else for the default.
func chosen(flag, value, byDefault string, short bool) string {
	if short {
		return "if(" + flag + ", " + value + ", " + byDefault + ")"
	}
	return "[" + byDefault + ", " + value + "][" + flag + " + 1]"
}

// casted is a column's expression as a value of its type, which of itself is zero.
func casted(c column.Spec) string {
	if c.Expression == "" {
		return "defaultValueOfTypeName(" + Literal(c.Type) + ")"
	}
	return "CAST((" + c.Expression + ") AS " + c.Type + ")"
}

// inQuery selects the values, and what these refer to of columns that no INSERT names.
func inQuery(s *column.Schema, targets, values []string, external string) string {
	computed := referredTo(s)
	if len(computed) == 0 {
		return strings.Join(values, ", ") + " FROM " + external
	}
	for _, c := range computed {
		values = append(values, casted(c)+" AS "+Quote(c.Name))
	}
	return strings.Join(targets, ", ") + " FROM (SELECT " + strings.Join(values, ", ") + " FROM " + external + ")"
}

// referredTo are the computed columns that a default may refer to, of itself or by
// way of another.
func referredTo(s *column.Schema) (found []column.Spec) {
	var text strings.Builder
	for _, c := range s.Columns {
		text.WriteString(c.Expression + "\n")
	}
	left := append([]column.Spec(nil), s.Computed...)
	for again := true; again; {
		again = false
		for i, c := range left {
			if c.Name != "" && mentions(text.String(), c.Name) {
				found = append(found, c)
				text.WriteString(c.Expression + "\n")
				left[i].Name, again = "", true
			}
		}
	}
	return found
}

// mentions reports whether an expression may refer to a column of a name.
func mentions(expression, name string) bool {
	return regexp.MustCompile(`(^|\W)` + regexp.QuoteMeta(name) + `(\W|$)`).MatchString(expression)
}

// freePrefix begins no name of a column.
func freePrefix(s *column.Schema) string {
	prefix := "_"
	for again := true; again; {
		again = false
		for _, list := range [][]column.Spec{s.Columns, s.Computed} {
			for _, c := range list {
				if strings.HasPrefix(c.Name, prefix) {
					prefix, again = prefix+"_", true
				}
			}
		}
	}
	return prefix
}

// structure describes the fields to a server that is not told with the data.
func (r *rows) structure() string {
	list := make([]string, len(r.fields))
	for i, f := range r.fields {
		list[i] = f.Name + " " + f.Type
	}
	return strings.Join(list, ", ")
}

// mixedSettings are the settings without which a SELECT would not give every row, in
// their order, with the columns' own defaults.
var mixedSettings = []struct{ name, value string }{
	{settingThreads, "1"},
	{settingInsertThreads, "1"},
	{settingRowsToRead, "0"},
	{settingBytesToRead, "0"},
	{settingReadOverflow, "throw"},
	{settingTimeoutOverflow, "throw"},
	{settingLimit, "0"},
	{settingOffset, "0"},
	{settingLeafOverflow, "throw"},
	{settingResultFilter, ""},
	{settingNullAsDefault, "0"},
	{settingShortCircuit, "enable"},
}

// mixedSettings are those that the user may set. They are sent even where they are as
// they should be, as a profile may have changed since that was asked.
func (f Features) mixedSettings() (values []settingValue) {
	for _, s := range mixedSettings {
		if known, ok := f.settings[s.name]; ok && !known.fixed {
			values = append(values, settingValue{name: s.name, value: numberOr(s.value), must: true})
		}
	}
	return values
}

// mixes reports whether the user may set what an INSERT of rows that lack different
// columns needs.
func (f Features) mixes() bool {
	for _, s := range mixedSettings {
		if f.has(s.name) && !f.may(s.name, s.value) {
			return false
		}
	}
	return true
}

// TryMixed implements Server.
func (r *Replica) TryMixed(ctx context.Context, s *column.Schema, t Table) (refusal, err error) {
	for range len(since) {
		var f Features
		if f, err = r.Features(ctx); err != nil {
			return nil, err
		}
		if err = r.tryMixed(ctx, f, s, t); err == nil || !r.leaveOut(f, err) {
			break
		}
	}
	if err != nil && RefusesStatement(err) {
		return fmt.Errorf("trying an INSERT of rows that lack different columns into %s: %w", t, err), nil
	}
	return nil, err
}

func (r *Replica) tryMixed(ctx context.Context, f Features, s *column.Schema, t Table) error {
	if !f.mixes() {
		return errMixed
	}
	rows := &rows{table: t, size: 1}
	rows.mix(s, make([]column.Column, len(s.Columns)), make([]*column.Flags, len(s.Columns)), func(i int) column.Presence {
		if s.Columns[i].HasDefault {
			return column.SomeRows
		}
		return column.EveryRow
	}, f.has(settingShortCircuit))
	q := r.statement("")
	q.settings = r.cfg.insertSettings(f, Insert{Table: t}, true)
	return r.bounded(ctx, r.cfg.InsertTimeout, func(ctx context.Context) error {
		_, err := r.wire.insert(ctx, q, rows)
		return err
	})
}

// RefusesStatement reports whether an error is about a statement itself, so that it
// would be the same another time, with any rows. What a server says to a statement
// that it has not run, and that is not known to pass, is taken for that.
func RefusesStatement(err error) bool {
	code, answered := Code(err)
	switch class := Classify(err); {
	case errors.Is(err, errMixed):
		return true
	case answered && (code == CodeUnknownTable || code == CodeUnknownDatabase):
		return false // it is the same with any statement
	case answered:
		_, listed := classes[code]
		return class == SchemaFault || class == RowFault || class == AccessFault || class == Retry && !listed
	}
	var answer *StatusError
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.Status { // of a proxy that does not let a form through
	case http.StatusBadRequest, http.StatusLengthRequired, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusNotImplemented:
		return true
	}
	return false
}
