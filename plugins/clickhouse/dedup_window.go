package clickhouse

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// The settings of a table that say how many of its last inserts are remembered,
// so that a repeated one is not stored again.
const (
	windowReplicated = "replicated_deduplication_window"
	windowPlain      = "non_replicated_deduplication_window"
)

// dedupWindow tells how many inserts a table remembers for deduplication; 0
// means that it does not deduplicate. An empty database means the session's.
// known is false for engines that leave it to other tables (Distributed,
// Buffer, Null, views) or that cannot do it, and for tables that do not exist.
func dedupWindow(ctx context.Context, conn driver.Conn, database, table string) (window int64, engine string, known bool, err error) {
	engine, definition, err := tableEngine(ctx, conn, database, table)
	if err != nil {
		return 0, "", false, fmt.Errorf("reading the engine of table %q: %w", table, err)
	}
	setting := windowSetting(engine)
	if setting == "" {
		return 0, engine, false, nil
	}
	if window, ok := windowIn(definition, setting); ok {
		return window, engine, true, nil
	}
	window, err = defaultWindow(ctx, conn, setting)
	if err != nil {
		return 0, engine, false, fmt.Errorf("reading the default of %s: %w", setting, err)
	}
	return window, engine, true, nil
}

// windowSetting is the setting that counts for an engine, "" if none does.
func windowSetting(engine string) string {
	switch {
	case !strings.HasSuffix(engine, "MergeTree"):
		return ""
	case strings.HasPrefix(engine, "Replicated"), strings.HasPrefix(engine, "Shared"):
		return windowReplicated
	}
	return windowPlain
}

// windowIn finds a setting among those of a table's definition, which come at
// its end.
func windowIn(definition, setting string) (int64, bool) {
	_, settings, ok := cutLast(definition, " SETTINGS ")
	if !ok {
		return 0, false
	}
	match := regexp.MustCompile(`(?:^|[\s,])` + setting + `\s*=\s*'?(\d+)`).FindStringSubmatch(settings)
	if match == nil {
		return 0, false
	}
	window, err := strconv.ParseInt(match[1], 10, 64)
	return window, err == nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// tableEngine returns a table's engine, and its definition from the engine on;
// empty if there is no such table.
func tableEngine(ctx context.Context, conn driver.Conn, database, table string) (engine, definition string, err error) {
	where := "database = " + literal(database)
	if database == "" {
		where = "database = currentDatabase()"
	}
	rows, err := conn.Query(ctx, "SELECT engine, engine_full FROM system.tables WHERE "+where+" AND name = "+literal(table))
	if err != nil {
		return "", "", err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&engine, &definition); err != nil {
			return "", "", err
		}
	}
	return engine, definition, rows.Err()
}

// defaultWindow is the server's own value of a setting of tables. A server
// that does not know the setting has no such window.
func defaultWindow(ctx context.Context, conn driver.Conn, setting string) (window int64, err error) {
	source := "system.merge_tree_settings"
	if setting == windowReplicated {
		// Newer servers keep a list of its own for replicated tables.
		found, err := scanWindow(ctx, conn, "SELECT toString(count()) FROM system.tables WHERE database = 'system' AND name = 'replicated_merge_tree_settings'")
		if err != nil {
			return 0, err
		}
		if found > 0 {
			source = "system.replicated_merge_tree_settings"
		}
	}
	return scanWindow(ctx, conn, "SELECT value FROM "+source+" WHERE name = "+literal(setting))
}

// scanWindow reads a number as text, 0 if there is none.
func scanWindow(ctx context.Context, conn driver.Conn, sql string) (int64, error) {
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	text := "0"
	for rows.Next() {
		if err := rows.Scan(&text); err != nil {
			return 0, err
		}
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// literal quotes a text for SQL.
func literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
