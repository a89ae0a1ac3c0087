package clickhouse

import (
	"context"
	"fmt"
	"strings"
)

// features are what a server can do, by its version and by the settings that
// it has.
type features struct {
	version string // as the server writes it, such as 26.7.3.1

	deduplicationToken bool // insert_deduplication_token
	insertDeduplicate  bool // insert_deduplicate
	deduplicateInsert  bool // deduplicate_insert, which took over from insert_deduplicate in 26.2
	deduplicateViews   bool // deduplicate_blocks_in_dependent_materialized_views
	asyncInsert        bool // async_insert
	refusesConversion  bool // input_format_native_allow_types_conversion
}

// settingConversion is whether a server may convert the columns of an INSERT
// over HTTP to the types of its table.
const settingConversion = "input_format_native_allow_types_conversion"

// settings are the features that are a setting, by its name.
func (f *features) settings() map[string]*bool {
	return map[string]*bool{
		"insert_deduplication_token":                         &f.deduplicationToken,
		"insert_deduplicate":                                 &f.insertDeduplicate,
		"deduplicate_insert":                                 &f.deduplicateInsert,
		"deduplicate_blocks_in_dependent_materialized_views": &f.deduplicateViews,
		"async_insert":                                       &f.asyncInsert,
		settingConversion:                                    &f.refusesConversion,
	}
}

// features returns what the server can do. It is asked again after a new
// connection was made, since that may lead to a server that was upgraded.
func (r *replica) features(ctx context.Context) (features, error) {
	r.askMu.Lock()
	defer r.askMu.Unlock()
	if r.askedFor > 0 && r.askedFor == r.dials.Load() {
		return r.asked, nil
	}
	f, err := r.ask(ctx)
	if err != nil {
		return features{}, fmt.Errorf("asking %s for its version and settings: %w", r.address, err)
	}
	// The question itself may have made the connection.
	r.asked, r.askedFor = f, r.dials.Load()
	return f, nil
}

func (r *replica) ask(ctx context.Context) (f features, err error) {
	conn, err := r.conn()
	if err != nil {
		return f, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.readTimeout)
	defer cancel()
	known := f.settings()
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, "'"+name+"'")
	}
	rows, err := conn.Query(ctx, "SELECT name, version() FROM system.settings WHERE name IN ("+strings.Join(names, ", ")+") UNION ALL SELECT '', version()")
	if err != nil {
		return f, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name, &f.version); err != nil {
			return f, err
		}
		if found, ok := known[name]; ok {
			*found = true
		}
	}
	return f, rows.Err()
}
