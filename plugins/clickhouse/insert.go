package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// segment is a run of rows of one block, sent by one INSERT. Every attempt
// sends the same rows in the same order, under the same token.
type segment struct {
	block    *column.Block
	from, to int
	token    string // names the rows for deduplication; "" until the first attempt
	maybe    bool   // an attempt was made whose outcome is not known
}

// records returns the indexes of the records that the rows were.
func (s segment) records() []int { return s.block.Rows[s.from:s.to] }

// halves splits a segment of two rows or more.
func (s segment) halves() (first, second segment) {
	middle := s.from + (s.to-s.from)/2
	return segment{block: s.block, from: s.from, to: middle}, segment{block: s.block, from: middle, to: s.to}
}

// statement names the columns: an INSERT without a list stores nothing, and
// says nothing, on old servers. There is no space before the list, which keeps
// the driver from re-ordering the block by its own reading of the names.
func statement(b *column.Block) string {
	var names []string
	for i, c := range b.Schema.Columns {
		if !b.Absent[i] {
			names = append(names, quote(c.Name))
		}
	}
	return "INSERT INTO " + quoteTable(b.Schema.Table) + "(" + strings.Join(names, ",") + ")"
}

// columnTypes are the columns of the INSERT for the HTTP protocol, which
// sends no header to compare with.
func columnTypes(b *column.Block) []clickhouse.ColumnNameAndType {
	var types []clickhouse.ColumnNameAndType
	for i, c := range b.Schema.Columns {
		if !b.Absent[i] {
			types = append(types, clickhouse.ColumnNameAndType{Name: c.Name, Type: c.Type})
		}
	}
	return types
}

// send stores a segment by one INSERT. Prepare, fill and send are one piece:
// the driver holds a connection meanwhile.
func send(ctx context.Context, r *replica, f features, cfg *config, s segment) (err error) {
	conn, err := r.conn()
	if err != nil {
		return err
	}
	ctx, end := insertContext(ctx, cfg.insertTimeout)
	defer func() { end(err) }()
	// A new id each time: a server refuses the id of a query that still runs.
	options := []clickhouse.QueryOption{
		clickhouse.WithQueryID(uuid.NewString()),
		clickhouse.WithSettings(cfg.insertSettings(f, s.token)),
	}
	if cfg.http {
		options = append(options, clickhouse.WithColumnNamesAndTypes(columnTypes(s.block)))
	}
	batch, err := conn.PrepareBatch(clickhouse.Context(ctx, options...), statement(s.block))
	if err != nil {
		return fmt.Errorf("beginning an insert into %q: %w", s.block.Schema.Table, err)
	}
	defer func() {
		if !batch.IsSent() {
			_ = batch.Abort()
		}
	}()
	if err := s.write(batch, cfg); err != nil {
		return fmt.Errorf("inserting %d rows into %q: %w", s.to-s.from, s.block.Schema.Table, err)
	}
	return nil
}

// write sends a segment in pieces, so that the driver, which keeps three copies
// of what it sends and grows them from nothing, never has much. The server makes
// one block of them again, and stores all of it or nothing.
func (s segment) write(batch driver.Batch, cfg *config) error {
	columns := batch.Columns()
	for pieces := s.pieces(cfg); ; pieces = pieces[1:] {
		if err := pieces[0].fill(columns); err != nil {
			return err
		}
		if len(pieces) == 1 {
			return batch.Send()
		}
		if err := batch.Flush(); err != nil {
			return err
		}
	}
}

// unsplit matches types that are sent in one piece: what the driver keeps of
// them from one block to the next is for it to say.
var unsplit = regexp.MustCompile(`JSON|Object|Variant|Dynamic`)

// pieces are one at least. The same segment is always split in the same way.
func (s segment) pieces(cfg *config) []segment {
	weight := s.block.Weight / max(1, len(s.block.Rows)) * (s.to - s.from)
	n := min(s.to-s.from, (weight+cfg.pieceWeight-1)/cfg.pieceWeight)
	if n <= 1 || cfg.http || slices.ContainsFunc(s.block.Schema.Columns, func(c column.Spec) bool { return unsplit.MatchString(c.Type) }) {
		return []segment{s}
	}
	pieces := make([]segment, n)
	for i := range pieces {
		pieces[i] = segment{block: s.block, from: s.from + i*(s.to-s.from)/n, to: s.from + (i+1)*(s.to-s.from)/n}
	}
	return pieces
}

// watchdogLeave is how long the driver's watchdog over a block that was sent is
// given to go.
const watchdogLeave = time.Second

// insertContext is the context of one INSERT, to be ended with its outcome. The
// driver's watchdog closes the connection when it sees the context's end, even
// after the block was sent and the connection has gone back to the pool, where
// the next INSERT would lose it. So after a success the end comes later.
func insertContext(parent context.Context, timeout time.Duration) (ctx context.Context, end func(error)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), timeout)
	stop := context.AfterFunc(parent, cancel)
	return ctx, func(err error) {
		stop()
		if err != nil {
			cancel()
			return
		}
		time.AfterFunc(watchdogLeave, cancel)
	}
}

// insertSettings are the settings of one INSERT. Deduplication is asked for,
// or refused, in the words that the server knows: of itself, some tables
// deduplicate by content and take equal rows for repetitions. Over HTTP, where
// the server does not show its columns first, it would wrap numbers around that
// do not fit a column whose type was changed; it is told not to.
func (c *config) insertSettings(f features, token string) clickhouse.Settings {
	settings := maps.Clone(c.settings)
	if settings == nil {
		settings = clickhouse.Settings{}
	}
	if c.http && f.refusesConversion {
		settings[settingConversion] = 0
	}
	if _, given := settings["async_insert"]; f.asyncInsert && !given {
		settings["async_insert"] = 0 // batches are formed already: waiting for others gains nothing
	}
	switch {
	case c.deduplicate == deduplicateOff && f.deduplicateInsert:
		settings["deduplicate_insert"] = "disable"
	case c.deduplicate == deduplicateOff && f.insertDeduplicate:
		settings["insert_deduplicate"] = 0
	case c.deduplicate == deduplicateOff || !f.deduplicationToken:
	default:
		settings["insert_deduplication_token"] = token
		if f.deduplicateInsert {
			settings["deduplicate_insert"] = "enable"
		} else {
			settings["insert_deduplicate"] = 1
		}
		if f.deduplicateViews {
			settings["deduplicate_blocks_in_dependent_materialized_views"] = 1
		}
	}
	return settings
}
