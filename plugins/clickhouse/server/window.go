package server

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The settings of a table that say how many of its last inserts are remembered,
// so that a repeated one is not stored again.
const (
	windowReplicated = "replicated_deduplication_window"
	windowPlain      = "non_replicated_deduplication_window"
)

// leastReplicated is the smallest that a version had as the default for
// replicated tables.
const leastReplicated = 100

// Window is what a table needs to recognise a repeated insert.
type Window struct {
	// Inserts is how many of its last inserts the table remembers.
	Inserts int64
	// Engine is the table's; empty if there is no such table or it is not shown.
	Engine string
	// Missing says what is lacking, "" if nothing.
	Missing string
}

// Window implements Server.
func (r *Replica) Window(ctx context.Context, t Table) (w Window, err error) {
	f, err := r.Features(ctx)
	if err != nil {
		return w, err
	}
	if !f.has(settingToken) {
		w.Missing = fmt.Sprintf("ClickHouse %s has no %s", f.Version, settingToken)
		return w, nil
	}
	if !f.DeduplicationToken() {
		w.Missing = "the user may not set " + settingToken
		return w, nil
	}
	var definition string
	if w.Engine, definition, err = r.Engine(ctx, t); err != nil {
		if _, refused := Code(err); !refused {
			return w, fmt.Errorf("reading the engine of table %s: %w", t, err)
		}
		w.Missing = "the user may not see the table's engine in system.tables"
		return w, nil
	}
	setting := windowSetting(w.Engine)
	switch {
	case w.Engine == "":
		w.Missing = "there is no such table, or the user may not see it in system.tables"
		return w, nil
	case setting == "":
		w.Missing = fmt.Sprintf("the engine %s remembers no inserts itself", w.Engine)
		return w, nil
	}
	var given bool
	if w.Inserts, given = SettingIn(definition, setting); !given {
		if w.Inserts, err = r.defaultWindow(ctx, setting); err != nil {
			return w, fmt.Errorf("reading the default of %s: %w", setting, err)
		}
	}
	if w.Inserts == 0 {
		t.Database = cmp.Or(t.Database, r.cfg.Database) // the statement is for whatever session it is pasted into
		w.Missing = fmt.Sprintf("it remembers no inserts (ALTER TABLE %s MODIFY SETTING %s = 10000)", t.SQL(), setting)
	}
	return w, nil
}

// windowSetting is the setting that counts for an engine, "" if none does:
// engines leave it to other tables (Distributed, Buffer, Null, views) or cannot
// do it.
func windowSetting(engine string) string {
	switch {
	case !strings.HasSuffix(engine, "MergeTree"):
		return ""
	case strings.HasPrefix(engine, "Replicated"), strings.HasPrefix(engine, "Shared"):
		return windowReplicated
	}
	return windowPlain
}

// SettingIn finds a number among the settings of a table's definition, which
// come at its end.
func SettingIn(definition, setting string) (int64, bool) {
	i := strings.LastIndex(definition, " SETTINGS ")
	if i < 0 {
		return 0, false
	}
	match := regexp.MustCompile(`(?:^|[\s,])` + regexp.QuoteMeta(setting) + `\s*=\s*'?(\d+)`).FindStringSubmatch(definition[i+len(" SETTINGS "):])
	if match == nil {
		return 0, false
	}
	window, err := strconv.ParseInt(match[1], 10, 64)
	return window, err == nil
}

// Engine implements Server.
func (r *Replica) Engine(ctx context.Context, t Table) (engine, definition string, err error) {
	rows, err := r.Texts(ctx, 2, "SELECT engine, engine_full FROM system.tables WHERE "+t.where("name"))
	if err != nil || len(rows) == 0 {
		return "", "", err
	}
	return rows[0][0], rows[0][1], nil
}

// defaultWindow is the server's own value of one of the two settings, or the
// least that it can be where the user may not see it.
func (r *Replica) defaultWindow(ctx context.Context, setting string) (int64, error) {
	window, err := TableSetting(ctx, r, setting)
	if err == nil {
		return window, nil
	}
	if _, refused := Code(err); !refused {
		return 0, err
	}
	if setting == windowReplicated {
		return leastReplicated, nil
	}
	return 0, nil
}

// TableSetting is the server's own value of a setting of MergeTree tables, 0 if
// it has no such setting.
func TableSetting(ctx context.Context, s Server, setting string) (int64, error) {
	source := "system.merge_tree_settings"
	if setting == windowReplicated {
		// Newer servers keep a list of its own for replicated tables.
		rows, err := s.Texts(ctx, 1, "SELECT name FROM system.tables WHERE database = 'system' AND name = 'replicated_merge_tree_settings'")
		if err != nil {
			return 0, err
		}
		if len(rows) > 0 {
			source = "system.replicated_merge_tree_settings"
		}
	}
	return Number(ctx, s, "SELECT value FROM "+source+" WHERE name = "+Literal(setting))
}

// Number asks for one number as text; it is 0 if there are no rows.
func Number(ctx context.Context, s Server, sql string) (int64, error) {
	rows, err := s.Texts(ctx, 1, sql)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return strconv.ParseInt(rows[0][0], 10, 64)
}
