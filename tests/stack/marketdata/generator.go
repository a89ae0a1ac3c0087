// Package marketdata makes market data for demos and tests: seeded, so that a
// run can be repeated, and numbered, so that loss and duplication can be
// counted. Every record is one JSON object whose fields are the columns of its
// table in config/sql; stream names the run and seq counts 1, 2, 3, ... in it.
package marketdata

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// Kind is what a generator makes.
type Kind string

// The kinds, by the table that they fill.
const (
	Ticks    Kind = "ticks"
	Candles  Kind = "candles"
	External Kind = "external"
)

// Kinds are all kinds.
func Kinds() []Kind { return []Kind{Ticks, Candles, External} }

// Generator makes the records of one stream. It is for one goroutine.
type Generator struct {
	kind        Kind
	stream      []byte // as a JSON string
	rng         *rand.Rand
	now         time.Time // of the last record: market time, not the clock's
	seq         uint64
	key         string
	instruments []instrument
	append      func(buf []byte) []byte
}

// New is a generator whose market time starts now.
func New(seed uint64, kind Kind, stream string) (*Generator, error) {
	return NewAt(time.Now(), seed, kind, stream)
}

// NewAt is a generator whose market time starts at start: the same arguments
// make the same records. Tables with a TTL drop records that are too old.
func NewAt(start time.Time, seed uint64, kind Kind, stream string) (*Generator, error) {
	name, err := json.Marshal(stream)
	if err != nil {
		return nil, fmt.Errorf("making market data: stream %q: %w", stream, err)
	}
	g := &Generator{
		kind:        kind,
		stream:      name,
		rng:         rand.New(rand.NewPCG(seed, 0x6d61726b6574)),
		now:         start.UTC(),
		instruments: slices.Clone(market),
	}
	switch kind {
	case Ticks:
		g.append = g.appendTick
	case Candles:
		g.append = g.appendCandle
	case External:
		g.append = g.appendExternal
	default:
		return nil, fmt.Errorf("making market data: unknown kind %q, expected one of %v", kind, Kinds())
	}
	return g, nil
}

// AppendNext appends the next record to buf.
func (g *Generator) AppendNext(buf []byte) []byte {
	g.seq++
	buf = append(buf, `{"stream":`...)
	buf = append(buf, g.stream...)
	buf = append(buf, `,"seq":`...)
	buf = strconv.AppendUint(buf, g.seq, 10)
	return append(g.append(buf), '}')
}

// CatchUp lets market time go on to t, where it is behind: records that are published
// as slowly as a market makes them bear the time of day.
func (g *Generator) CatchUp(t time.Time) {
	if t.After(g.now) {
		g.now = t.UTC()
	}
}

// Seq is the number of the last record, 0 before the first.
func (g *Generator) Seq() uint64 { return g.seq }

// Key is what the last record is about: its symbol, or its entity.
func (g *Generator) Key() string { return g.key }

// Kind is what the generator makes.
func (g *Generator) Kind() Kind { return g.kind }

// instrument is one symbol on its random walk, with prices in ticks of 0.01.
type instrument struct {
	symbol string
	price  int64
	bar    bar
}

// bar is a symbol's candle that is still open.
type bar struct {
	open, high, low, close int64
	volume                 int64 // in 0.0001
	trades                 int64
	opened                 time.Time
}

var market = []instrument{
	{symbol: "BTC-USDT", price: 64_213_45},
	{symbol: "ETH-USDT", price: 3_142_10},
	{symbol: "SOL-USDT", price: 151_32},
	{symbol: "XRP-USDT", price: 5_230},
	{symbol: "AAPL", price: 226_80},
	{symbol: "MSFT", price: 415_25},
	{symbol: "NVDA", price: 134_77},
	{symbol: "EUR-USD", price: 10_854},
}

var (
	venues     = []string{"BINANCE", "KRAKEN", "NASDAQ", "EDGX"}
	sides      = []string{"buy", "sell"}
	timeframes = []string{"1m", "5m", "1h"}
)

// walk moves one instrument's price a little and returns it.
func (g *Generator) walk() *instrument {
	i := &g.instruments[g.rng.IntN(len(g.instruments))]
	step := max(2, i.price/20_000) // half a basis point
	i.price = max(1, i.price+g.rng.Int64N(2*step+1)-step)
	g.key = i.symbol
	return i
}

func (g *Generator) advance(most time.Duration) {
	g.now = g.now.Add(time.Duration(1 + g.rng.Int64N(int64(most))))
}

func pick(rng *rand.Rand, from []string) string { return from[rng.IntN(len(from))] }
