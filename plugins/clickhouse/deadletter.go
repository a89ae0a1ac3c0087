package clickhouse

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/lane"
	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
	"github.com/data-bridge-io/data-bridge/plugins/position"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// The metadata that a dead letter carries beside its own.
const (
	metaTable    = "clickhouse_table"
	metaError    = "clickhouse_error"
	metaColumn   = "clickhouse_column"
	metaCode     = "clickhouse_code"
	metaAttempts = "clickhouse_attempts"
	metaSource   = "clickhouse_source"
	metaOffset   = "clickhouse_source_offset"
	metaReason   = "clickhouse_reason" // of those alone that are dead letters for another reason than their content
	// metaOwn holds what the record itself had under these names, as a JSON object
	// whose values are in base64; it is not there when the record had none of them.
	metaOwn = "clickhouse_own"
)

// metaReasons are all of them.
var metaReasons = []string{metaTable, metaError, metaColumn, metaCode, metaAttempts, metaSource, metaOffset, metaReason, metaOwn}

// deadLetters delivers rows that cannot be stored. It is safe for concurrent
// use.
type deadLetters struct {
	out     *service.OwnedOutput
	reject  bool // hand the errors back instead
	backoff lane.Backoff
	turns   *letterTurns
	log     *service.Logger
	board   *status.Output

	refusals status.Repeats
	told     letterLog
}

// deliver blocks until the output has the rows; it tries again, with the
// back-off of the inserts, until ctx ends.
func (d *deadLetters) deliver(ctx context.Context, all []record, bad []badRow, attempts int) error {
	if len(bad) == 0 {
		return nil
	}
	waiting := d.board.AwaitLetters(len(bad))
	defer waiting.Done()
	for n := 1; ; n++ {
		err := d.turns.try(ctx, func() error { return d.out.WriteBatch(ctx, letters(all, bad, attempts)) })
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if repeats, tell := d.refusals.Tell(repeatEvery); tell {
			d.log.With("rows", len(bad), "attempt", n, "repeats", repeats).Errorf("The dead_letter output does not take %d rows, keeping them and trying again: %v", len(bad), err)
		}
		waiting.Failed(err)
		d.board.Report(status.Incident{Class: status.ClassDeadLetterOutput, Message: err.Error(), Count: 1})
		// Not counted as a batch in the retry queue, which is about inserts.
		select {
		case <-time.After(d.backoff.Wait(n)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// letters returns the original records with the reason in their metadata.
func letters(all []record, bad []badRow, attempts int) service.MessageBatch {
	out := make(service.MessageBatch, len(bad))
	var finder position.Finder
	for i, row := range bad {
		m := all[row.index].message().Copy()
		setOwn(m)
		if row.table != "" {
			m.MetaSetMut(metaTable, row.table)
		}
		m.MetaSetMut(metaError, row.err.Error())
		m.MetaSetMut(metaAttempts, strconv.Itoa(attempts))
		if isFailed(row.err) {
			m.MetaSetMut(metaReason, reasonFailed)
			m.SetError(nil) // or an output that looks for it takes no letter; see metaError
		}
		var fault *rec.RowError
		if errors.As(row.err, &fault) && fault.Column != "" {
			m.MetaSetMut(metaColumn, fault.Column)
		}
		if code, ok := server.Code(row.err); ok {
			m.MetaSetMut(metaCode, strconv.Itoa(code))
		}
		setPosition(&finder, m, all[row.index].whole())
		out[i] = m
	}
	return out
}

// setOwn makes room for the reason: what the record has under its names would be
// taken for it, or be lost, and may be what names the record's table.
func setOwn(m *service.Message) {
	var own map[string][]byte
	for _, key := range metaReasons {
		value, has := m.MetaGet(key)
		if !has {
			continue
		}
		if own == nil {
			own = map[string][]byte{}
		}
		own[key] = []byte(value)
		m.MetaDelete(key)
	}
	if own == nil {
		return
	}
	text, _ := json.Marshal(own) // of texts: it never fails
	m.MetaSetMut(metaOwn, string(text))
}

// setPosition names where the record came from, the first time if it is sent again.
// One that was rewritten on its way has lost its offset.
func setPosition(finder *position.Finder, m *service.Message, data []byte) {
	if origin, ok := position.OriginOf(m.Context()); ok {
		if origin.Source != "" {
			m.MetaSetMut(metaSource, origin.Source)
		}
		if origin.Offset != nil {
			m.MetaSetMut(metaOffset, strconv.FormatInt(*origin.Offset, 10))
		}
		return
	}
	if source := position.SourceOf(m.Context()); source != "" {
		m.MetaSetMut(metaSource, source)
	}
	if _, offset, ok := finder.Find(m.Context(), data); ok {
		m.MetaSetMut(metaOffset, strconv.FormatInt(offset, 10))
	}
}
