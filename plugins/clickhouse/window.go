package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// errNoWindow says that deduplication is required and that the table has none.
var errNoWindow = errors.New("inserts are not deduplicated")

// window checks that a table remembers its last inserts, without which a
// repeated insert is stored twice. It is safe for concurrent use.
type window struct {
	cfg   *config
	table string
	log   *service.Logger
	done  atomic.Bool
}

// check warns, or returns an error where deduplication is required. Once it
// has found an answer that will do, it asks no more.
func (w *window) check(ctx context.Context, r *replica) error {
	if w.cfg.deduplicate == deduplicateOff || w.done.Load() {
		return nil
	}
	missing, err := w.missing(ctx, r)
	if err != nil {
		return err
	}
	if missing != "" && w.cfg.deduplicate == deduplicateOn {
		return fmt.Errorf("%s.%s is %q, but %w: %s; put that right, or choose %q", pluginName, fieldDeduplicate, deduplicateOn, errNoWindow, missing, deduplicateAuto)
	}
	if missing != "" && !w.done.Swap(true) {
		w.log.Warnf("An insert into table %q whose outcome is unknown may be stored twice: %s", w.table, missing)
	}
	w.done.Store(true)
	return nil
}

// missing says what repeated inserts into the table lack to be recognised, ""
// if nothing.
func (w *window) missing(ctx context.Context, r *replica) (string, error) {
	f, err := r.features(ctx)
	if err != nil {
		return "", err
	}
	if !f.deduplicationToken {
		return fmt.Sprintf("ClickHouse %s has no insert_deduplication_token", f.version), nil
	}
	conn, err := r.conn()
	if err != nil {
		return "", err
	}
	database, name, qualified := strings.Cut(w.table, ".")
	if !qualified {
		database, name = "", w.table
	}
	size, engine, known, err := dedupWindow(ctx, conn, database, name)
	switch {
	case err != nil || size > 0:
		return "", err
	case !known:
		return fmt.Sprintf("the engine %s remembers no inserts itself", engine), nil
	}
	return fmt.Sprintf("it remembers no inserts (ALTER TABLE %s MODIFY SETTING %s = 10000)", quoteTable(w.table), windowSetting(engine)), nil
}
