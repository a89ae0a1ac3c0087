package clickhouse

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

// errNoWindow says that deduplication is required and that the table has none.
var errNoWindow error = &classifiedError{server.SchemaFault, "inserts are not deduplicated"}

// smallWindow is how many inserts a table should remember for exactly-once
// delivery: others may come between an insert and its repetition after a crash.
const smallWindow = 1000

// window checks that a table remembers its last inserts, without which a
// repeated insert is stored twice. It is safe for concurrent use.
type window struct {
	cfg      *config
	table    string
	log      *service.Logger
	done     atomic.Bool // warned, or found in order
	insisted atomic.Bool // found in order for rows that must not be stored twice
}

// check warns, or returns an error where deduplication is required. Where it is
// not, it asks once.
func (w *window) check(ctx context.Context, s server.Server) error {
	switch {
	case w.insisted.Load():
		return w.insist(ctx, s)
	case w.cfg.deduplicate == deduplicateOff || w.done.Load():
		return nil
	}
	missing, _, err := w.missing(ctx, s)
	if err != nil {
		return err
	}
	if missing != "" && w.cfg.deduplicate == deduplicateOn {
		return fmt.Errorf("%s.%s is %q, but %w: %s; put that right, or choose %q", pluginName, fieldDeduplicate, deduplicateOn, errNoWindow, missing, deduplicateAuto)
	}
	if missing != "" && !w.done.Swap(true) {
		w.log.With("table", w.table).Warnf("An insert into table %q whose outcome is unknown may be stored twice: %s", w.table, missing)
	}
	w.done.Store(true)
	return nil
}

// insist is check for rows that an input with exactly_once has delivered: they
// wait until the table can tell a repeated insert.
func (w *window) insist(ctx context.Context, s server.Server) error {
	if w.cfg.deduplicate == deduplicateOff {
		return fmt.Errorf("%s.%s is %q, but an input has exactly_once set and %w: choose %q, or turn exactly_once off",
			pluginName, fieldDeduplicate, deduplicateOff, errNoWindow, deduplicateAuto)
	}
	missing, size, err := w.missing(ctx, s)
	if err != nil {
		return err
	}
	if missing != "" {
		w.insisted.Store(false)
		return fmt.Errorf("an input has exactly_once set, but %w in table %q: %s; put that right, or turn exactly_once off", errNoWindow, w.table, missing)
	}
	if !w.insisted.Swap(true) && size < smallWindow {
		w.log.With("table", w.table).Warnf("Table %q remembers its last %d inserts only: if more of them come between an insert and its repetition after a crash, rows are stored twice; %d or more are advised", w.table, size, smallWindow)
	}
	return nil
}

// missing says what repeated inserts into the table lack to be recognised, ""
// if nothing, and how many inserts the table remembers.
func (w *window) missing(ctx context.Context, s server.Server) (what string, size int64, err error) {
	t, err := server.ParseTable(w.table)
	if err != nil {
		return "", 0, err
	}
	found, err := s.Window(ctx, t)
	return found.Missing, found.Inserts, err
}
