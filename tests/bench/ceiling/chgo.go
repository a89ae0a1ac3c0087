package main

import (
	"context"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/data-bridge-io/data-bridge/tests/bench/tick"
)

// insertInto is the statement of both clients; the columns are named, because
// 18.16 stores nothing, and says nothing, without them.
var insertInto = "INSERT INTO " + tick.Database + "." + tick.Table + " (" + strings.Join(tick.Columns, ", ") + ") VALUES"

// chgoBlock is ch-go's own column types: appended to without reflection, and
// sent from where they are.
type chgoBlock struct {
	ticks
	wire  *wire
	input proto.Input

	seq           proto.ColUInt64
	ts            proto.ColDateTime
	symbol, venue lowCardinality
	side          proto.ColEnum8
	price, qty    proto.ColFloat64
}

// lowCardinality is a column of few texts with its dictionary.
type lowCardinality struct {
	names names
	texts proto.ColStr
	proto.ColLowCardinalityRaw
}

func (c *lowCardinality) add(text []byte) {
	i := c.names.of(text)
	if int(i) == c.texts.Rows() {
		c.texts.AppendBytes(text)
	}
	c.Keys8 = append(c.Keys8, i)
}

// clear keeps the dictionary: the next block needs the same.
func (c *lowCardinality) clear() { c.Keys8.Reset() }

// openCHGo connects and returns what makes blocks for the connection, of which
// one inserts at a time.
func openCHGo(ctx context.Context, address string) (func() block, func(), error) {
	w, err := dial(ctx, address)
	if err != nil {
		return nil, nil, err
	}
	return func() block { return newCHGoBlock(w) }, func() { _ = w.conn.Close() }, nil
}

func newCHGoBlock(w *wire) *chgoBlock {
	b := &chgoBlock{
		wire:  w,
		seq:   make(proto.ColUInt64, 0, batchRows),
		ts:    proto.ColDateTime{Data: make([]proto.DateTime, 0, batchRows)},
		side:  make(proto.ColEnum8, 0, batchRows),
		price: make(proto.ColFloat64, 0, batchRows),
		qty:   make(proto.ColFloat64, 0, batchRows),
	}
	for _, c := range []*lowCardinality{&b.symbol, &b.venue} {
		c.Index, c.Key = &c.texts, proto.KeyUInt8
		c.Keys8 = make(proto.ColUInt8, 0, batchRows)
	}
	columns := []proto.ColInput{
		&b.seq, &b.ts, &b.symbol.ColLowCardinalityRaw, &b.venue.ColLowCardinalityRaw,
		proto.Wrap(&b.side, `'buy'=1`, `'sell'=2`), &b.price, &b.qty,
	}
	for i, name := range tick.Columns {
		b.input = append(b.input, proto.InputColumn{Name: name, Data: columns[i]})
	}
	return b
}

func (b *chgoBlock) take(message []byte) error { return b.into(b.add, message) }

func (b *chgoBlock) add(r *row) {
	b.seq = append(b.seq, r.seq)
	b.ts.Data = append(b.ts.Data, proto.DateTime(r.ts))
	b.symbol.add(r.symbol)
	b.venue.add(r.venue)
	b.side = append(b.side, proto.Enum8(r.side))
	b.price = append(b.price, r.price)
	b.qty = append(b.qty, r.qty)
}

func (b *chgoBlock) rows() int { return len(b.seq) }

func (b *chgoBlock) insert(context.Context) error { return b.wire.insert(insertInto, b.input) }

func (b *chgoBlock) reset() {
	b.seq, b.side, b.price, b.qty = b.seq[:0], b.side[:0], b.price[:0], b.qty[:0]
	b.ts.Data = b.ts.Data[:0]
	b.symbol.clear()
	b.venue.clear()
}
