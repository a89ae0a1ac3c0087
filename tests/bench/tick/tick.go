// Package tick is what the benchmark moves: one trade as a JSON object of 132
// bytes on average, and the table of seven columns that it is stored in. The
// loaders, the competitors and the count at the end agree on it here.
package tick

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// Database and Table are where every competitor writes.
const (
	Database = "bench"
	Table    = "ticks"
)

// Columns are the table's columns, in its order.
var Columns = []string{"seq", "ts", "symbol", "venue", "side", "price", "qty"}

// DDL creates the table. The types are those that ClickHouse 18.16 has; a
// window of tokens is what later servers deduplicate repeated inserts by, and
// this one does not know it.
const DDL = `CREATE TABLE ` + Database + `.` + Table + ` (
	seq    UInt64,
	ts     DateTime('UTC'),
	symbol LowCardinality(String),
	venue  LowCardinality(String),
	side   Enum8('buy' = 1, 'sell' = 2),
	price  Float64,
	qty    Float64
) ENGINE = MergeTree PARTITION BY tuple() ORDER BY (symbol, seq)`

// Sides are the values of the column side.
var Sides = []string{"buy", "sell"}

var (
	symbols = []string{"BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT", "BTC-USDC", "ETH-USDC", "AAPL", "MSFT", "NVDA", "EUR-USD"}
	venues  = []string{"BINANCE", "KRAKEN", "COINBASE", "NASDAQ"}
)

// Generator makes ticks that are numbered 1, 2, 3, ... It is for one goroutine.
type Generator struct {
	rng *rand.Rand
	now time.Time
	seq uint64
}

// New makes the same ticks from the same seed.
func New(seed uint64) *Generator {
	return &Generator{
		rng: rand.New(rand.NewPCG(seed, 0x7469636b)),
		now: time.Date(2026, 1, 2, 9, 30, 0, 0, time.UTC),
	}
}

// AppendNext appends the next tick to buf.
func (g *Generator) AppendNext(buf []byte) []byte {
	g.seq++
	if g.seq%1000 == 0 { // a thousand ticks a second
		g.now = g.now.Add(time.Second)
	}
	buf = append(buf, `{"seq":`...)
	buf = strconv.AppendUint(buf, g.seq, 10)
	buf = append(buf, `,"ts":"`...)
	buf = g.now.AppendFormat(buf, time.RFC3339)
	buf = append(buf, `","symbol":"`...)
	buf = append(buf, symbols[g.rng.IntN(len(symbols))]...)
	buf = append(buf, `","venue":"`...)
	buf = append(buf, venues[g.rng.IntN(len(venues))]...)
	buf = append(buf, `","side":"`...)
	buf = append(buf, Sides[g.rng.IntN(len(Sides))]...)
	buf = append(buf, `","price":`...)
	buf = appendFixed(buf, 1_000_000_000_000+g.rng.Uint64N(9_000_000_000_000), 8)
	buf = append(buf, `,"qty":`...)
	buf = appendFixed(buf, 1+g.rng.Uint64N(999_999_999), 8)
	return append(buf, '}')
}

// Seq is the number of the last tick.
func (g *Generator) Seq() int { return int(g.seq) }

// AppendFrame appends the next n ticks, divided by newlines.
func (g *Generator) AppendFrame(buf []byte, n int) []byte {
	for i := range n {
		if i > 0 {
			buf = append(buf, '\n')
		}
		buf = g.AppendNext(buf)
	}
	return buf
}

// appendFixed appends units of 10^-places with all their decimals.
func appendFixed(buf []byte, units uint64, places int) []byte {
	scale := uint64(1)
	for range places {
		scale *= 10
	}
	buf = strconv.AppendUint(buf, units/scale, 10)
	buf = append(buf, '.')
	fraction := units % scale
	for scale /= 10; scale > 0; scale /= 10 {
		buf = append(buf, byte('0'+fraction/scale%10))
	}
	return buf
}
