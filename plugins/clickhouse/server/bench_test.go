package server

import (
	"syscall"
	"testing"
	"time"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/record/json"
	"github.com/data-bridge-io/data-bridge/tests/stack"
	"github.com/data-bridge-io/data-bridge/tests/stack/ticks"
)

// benchRows is how many rows an insert of a benchmark has.
const benchRows = 50_000

// tickBlock is a block as ticks make it.
func tickBlock(b *testing.B) column.Part {
	s := column.NewSchema("t", []column.Spec{
		{Name: "symbol", Type: "String"},
		{Name: "ts", Type: "DateTime"},
		{Name: "seq", Type: "UInt64"},
		{Name: "side", Type: "Enum8('buy' = 1, 'sell' = 2)"},
		{Name: "price", Type: "Decimal(18, 2)"},
		{Name: "qty", Type: "Float64"},
		{Name: "venue", Type: "String"},
	})
	block, err := column.NewBlock(s, column.Rules{EpochDigits: -1, Truncate: true})
	require.NoError(b, err)
	d := json.NewDecoder(json.Config{Schema: s, NewBlock: func() (*column.Block, error) { return block, nil }})
	records, _ := ticks.Records(benchRows)
	for i, record := range records {
		require.NoError(b, d.Add(record, i))
	}
	return column.Part{Block: block, To: benchRows}
}

// cpu is the time that this process has worked.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A block to a real server that drops it: encoded once, and by way of the
// driver, which reads it into columns of its own first. What counts is the CPU
// time of this process.
func BenchmarkInsert(b *testing.B) {
	d := door{benchServer(b), false}
	require.NoError(b, d.Exec(b.Context(), "CREATE TABLE default.t (symbol String, ts DateTime, seq UInt64, side Enum8('buy' = 1, 'sell' = 2), price Decimal(18, 2), qty Float64, venue String) ENGINE = Null"))
	part := tickBlock(b)
	measure := func(b *testing.B, insert func() error) {
		require.NoError(b, insert())
		b.ReportAllocs()
		begun := cpu()
		for b.Loop() {
			if err := insert(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64((cpu()-begun).Nanoseconds())/float64(b.N*benchRows), "cpu-ns/row")
	}
	for _, compression := range []string{LZ4, None} {
		for name, http := range map[string]bool{"native": false, "http": true} {
			b.Run("ours/"+name+"/"+compression, func(b *testing.B) {
				d := door{d.ClickHouse, http}
				cfg := d.config()
				cfg.Compression = compression
				r := newReplica(cfg, d.address())
				defer r.Close()
				measure(b, func() error {
					_, err := r.Insert(b.Context(), Insert{Table: Table{Name: "t"}, Part: part})
					return err
				})
			})
		}
		b.Run("driver/native/"+compression, func(b *testing.B) {
			opts := &clickhouse.Options{Addr: []string{d.NativeAddr()}, Auth: clickhouse.Auth{Database: "default", Username: d.User()}}
			if compression == LZ4 {
				opts.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
			}
			conn, err := clickhouse.Open(opts)
			require.NoError(b, err)
			defer conn.Close()
			measure(b, func() error {
				batch, err := conn.PrepareBatch(b.Context(), "INSERT INTO t (symbol, ts, seq, side, price, qty, venue)")
				if err != nil {
					return err
				}
				for from := 0; from < benchRows; from += 25_000 {
					for i, target := range batch.Columns() {
						if texts, ok := part.Block.Columns[i].(*column.String); ok {
							if _, err := target.Append(texts.Values()[from : from+25_000]); err != nil {
								return err
							}
							continue
						}
						var wire column.Native
						part.Block.Columns[i].Encode(&wire, from, from+25_000)
						if err := target.Decode(chproto.NewReader(&wire), 25_000); err != nil {
							return err
						}
					}
					if err := batch.Flush(); err != nil {
						return err
					}
				}
				return batch.Send()
			})
		})
	}
}

func benchServer(b *testing.B) stack.ClickHouse {
	server, err := stack.StartClickHouse(b.Context(), stack.KindLegacy, stack.ClickHouseOptions{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, server.Close()) })
	return server
}
