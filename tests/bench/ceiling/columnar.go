package main

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// columnarBlock is the columns as slices, which clickhouse-go takes whole.
type columnarBlock struct {
	ticks
	conn driver.Conn

	names         names // shared texts: a string is made once, not once a row
	seq           []uint64
	ts            []int64
	symbol, venue []string
	side          []int8
	price, qty    []float64
}

func openColumnar(_ context.Context, address string) (func() block, func(), error) {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:        []string{address},
		Compression: &clickhouse.Compression{Method: clickhouse.CompressionLZ4},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to ClickHouse: %w", err)
	}
	return func() block { return &columnarBlock{conn: conn} }, func() { _ = conn.Close() }, nil
}

func (b *columnarBlock) take(message []byte) error { return b.into(b.add, message) }

func (b *columnarBlock) add(r *row) {
	b.seq = append(b.seq, r.seq)
	b.ts = append(b.ts, int64(r.ts))
	b.symbol = append(b.symbol, b.names.list[b.names.of(r.symbol)])
	b.venue = append(b.venue, b.names.list[b.names.of(r.venue)])
	b.side = append(b.side, r.side)
	b.price = append(b.price, r.price)
	b.qty = append(b.qty, r.qty)
}

func (b *columnarBlock) rows() int { return len(b.seq) }

func (b *columnarBlock) insert(ctx context.Context) error {
	batch, err := b.conn.PrepareBatch(ctx, insertInto)
	if err != nil {
		return err
	}
	defer batch.Close()
	for i, column := range []any{b.seq, b.ts, b.symbol, b.venue, b.side, b.price, b.qty} {
		if err := batch.Column(i).Append(column); err != nil {
			return err
		}
	}
	return batch.Send()
}

func (b *columnarBlock) reset() {
	b.seq, b.ts, b.side, b.price, b.qty = b.seq[:0], b.ts[:0], b.side[:0], b.price[:0], b.qty[:0]
	b.symbol, b.venue = b.symbol[:0], b.venue[:0]
}
