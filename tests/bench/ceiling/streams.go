package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	"golang.org/x/sync/errgroup"
)

// The streams of the shipped pipeline, by the names of their tables.
const (
	streamTicks    = "ticks"
	streamCandles  = "candles"
	streamExternal = "external"
)

// fieldsOf are new columns of a table in config/sql, as ClickHouse 18.16 has it:
// records have them as fields, all and in this order.
func fieldsOf(table string) []field {
	fields := []field{{"stream", newText()}, {"seq", &uint64Column{}}}
	switch table {
	case streamTicks:
		return append(fields, field{"venue", newText()}, field{"symbol", newText()}, field{"ts", &secondsColumn{}},
			field{"side", &sideColumn{}}, field{"price", &decimalColumn{}}, field{"qty", &decimalColumn{}}, field{"flags", &uint16Column{}})
	case streamCandles:
		return append(fields, field{"venue", newText()}, field{"symbol", newText()}, field{"tf", newText()},
			field{"open_time", &secondsColumn{}}, field{"open", &floatColumn{}}, field{"high", &floatColumn{}}, field{"low", &floatColumn{}},
			field{"close", &floatColumn{}}, field{"volume", &floatColumn{}}, field{"trades", &uint32Column{}}, field{"is_closed", &flagColumn{}})
	}
	return append(fields, field{"source", newText()}, field{"series", newText()}, field{"entity", newText()}, field{"ts", &secondsColumn{}},
		field{"value", newNullable()}, field{"tags", newList()}, field{"payload", &stringColumn{}}, field{"event_id", &idColumn{}})
}

// streamBlock is rows of one of these tables.
type streamBlock struct {
	wire      *wire
	statement string
	fields    []field
	before    []string // what a record has before the value of each field
	columns   proto.Input
	count     int
}

func newStreamBlock(w *wire, table string) *streamBlock {
	b := &streamBlock{wire: w, fields: fieldsOf(table)}
	var names []string
	for i, f := range b.fields {
		opening := ","
		if i == 0 {
			opening = "{"
		}
		b.before = append(b.before, opening+`"`+f.name+`":`)
		b.columns = append(b.columns, proto.InputColumn{Name: f.name, Data: f.input()})
		names = append(names, f.name)
	}
	b.statement = "INSERT INTO market." + table + " (" + strings.Join(names, ", ") + ") VALUES"
	return b
}

func (b *streamBlock) take(message []byte) error {
	c := cursor{rest: message}
	for i := range b.fields {
		c.literal(b.before[i])
		b.fields[i].scan(&c)
	}
	c.literal("}")
	if c.bad || len(c.rest) > 0 {
		return fmt.Errorf("reading a record: not in the expected form: %q", bytes.TrimSpace(message))
	}
	b.count++
	return nil
}

func (b *streamBlock) rows() int { return b.count }

func (b *streamBlock) insert(context.Context) error { return b.wire.insert(b.statement, b.columns) }

func (b *streamBlock) reset() {
	b.count = 0
	for _, f := range b.fields {
		f.Reset()
	}
}

// runShipped moves three streams at the same time, each over a connection of its own.
func runShipped(ctx context.Context, o options) error {
	all, ctx := errgroup.WithContext(ctx)
	for _, table := range []string{streamTicks, streamCandles, streamExternal} {
		w, err := dial(ctx, o.clickhouse)
		if err != nil {
			return err
		}
		defer w.conn.Close()
		o, move := o, runNATS
		o.rows, o.name = streamRows, o.name+"."+table+".>"
		if table == streamExternal {
			o.address, o.name, move = o.brokers, strings.TrimSuffix(o.name, "."+table+".>"), runKafka
		}
		all.Go(func() error { return move(ctx, o, func() block { return newStreamBlock(w, table) }) })
	}
	return all.Wait()
}
