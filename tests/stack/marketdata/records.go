package marketdata

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"
)

// Times are RFC 3339 in UTC with all the digits of their column.
const (
	nanoseconds  = "2006-01-02T15:04:05.000000000Z"
	milliseconds = "2006-01-02T15:04:05.000Z"
)

func (g *Generator) appendTick(b []byte) []byte {
	g.advance(20 * time.Microsecond)
	i := g.walk()
	b = text(b, "venue", pick(g.rng, venues))
	b = text(b, "symbol", i.symbol)
	b = moment(b, "ts", g.now, nanoseconds)
	b = text(b, "side", pick(g.rng, sides))
	b = fixed(b, "price", i.price, 2)
	b = fixed(b, "qty", 1+g.rng.Int64N(50_000), 4)
	return number(b, "flags", g.rng.Int64N(16))
}

func (g *Generator) appendCandle(b []byte) []byte {
	g.advance(time.Millisecond)
	i := g.walk()
	bar := &i.bar
	if bar.opened.IsZero() {
		*bar = openBar(i.price, g.now)
	}
	bar.high, bar.low, bar.close = max(bar.high, i.price), min(bar.low, i.price), i.price
	bar.volume += 1 + g.rng.Int64N(50_000)
	bar.trades++
	closed := bar.trades%60 == 0
	b = text(b, "venue", venues[0])
	b = text(b, "symbol", i.symbol)
	b = text(b, "tf", timeframes[0])
	b = moment(b, "open_time", bar.opened, milliseconds)
	b = fixed(b, "open", bar.open, 2)
	b = fixed(b, "high", bar.high, 2)
	b = fixed(b, "low", bar.low, 2)
	b = fixed(b, "close", bar.close, 2)
	b = fixed(b, "volume", bar.volume, 4)
	b = number(b, "trades", bar.trades)
	b = strconv.AppendBool(field(b, "is_closed"), closed)
	if closed {
		*bar = openBar(i.price, bar.opened.Add(time.Minute))
	}
	return b
}

// openBar is a candle before its first trade.
func openBar(price int64, at time.Time) bar {
	return bar{open: price, high: price, low: price, close: price, opened: at.Truncate(time.Minute)}
}

// feed is a source of external events.
type feed struct {
	source, series string
	tags           string // a JSON array
	entities       []string
	headline       string
}

var feeds = []feed{
	{"ecb", "rates", `["macro","rates"]`, []string{"EUR-USD", "EUR-GBP", "EUR-JPY"}, "reference rate"},
	{"newswire", "headlines", `["news"]`, []string{"AAPL", "MSFT", "NVDA"}, "company \\\"guidance\\\" updated"},
	{"calendar", "releases", `[]`, []string{"US-CPI", "US-NFP", "EU-GDP"}, "release scheduled"},
	{"funding", "perpetuals", `["crypto","funding"]`, []string{"BTC-USDT", "ETH-USDT"}, "funding rate"},
}

func (g *Generator) appendExternal(b []byte) []byte {
	g.advance(5 * time.Millisecond)
	f := &feeds[g.rng.IntN(len(feeds))]
	g.key = pick(g.rng, f.entities)
	b = text(b, "source", f.source)
	b = text(b, "series", f.series)
	b = text(b, "entity", g.key)
	b = moment(b, "ts", g.now, milliseconds)
	if g.rng.IntN(5) == 0 {
		b = append(field(b, "value"), "null"...)
	} else {
		b = fixed(b, "value", g.rng.Int64N(2_000_000)-1_000_000, 6)
	}
	b = append(field(b, "tags"), f.tags...)
	b = text(b, "payload", f.headline)
	return g.appendID(append(field(b, "event_id"), '"'))
}

// appendID closes a UUID of version 4.
func (g *Generator) appendID(b []byte) []byte {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], g.rng.Uint64())
	binary.BigEndian.PutUint64(id[8:], g.rng.Uint64())
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	b = hex.AppendEncode(b, id[:4])
	for _, part := range [][]byte{id[4:6], id[6:8], id[8:10], id[10:]} {
		b = hex.AppendEncode(append(b, '-'), part)
	}
	return append(b, '"')
}

func field(b []byte, name string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

// text appends a string that needs no escaping, or has it already.
func text(b []byte, name, value string) []byte {
	b = append(field(b, name), '"')
	b = append(b, value...)
	return append(b, '"')
}

func number(b []byte, name string, value int64) []byte {
	return strconv.AppendInt(field(b, name), value, 10)
}

func moment(b []byte, name string, t time.Time, layout string) []byte {
	b = append(field(b, name), '"')
	b = t.AppendFormat(b, layout)
	return append(b, '"')
}

// fixed appends value / 10^decimals as a JSON number.
func fixed(b []byte, name string, value int64, decimals int) []byte {
	b = field(b, name)
	if value < 0 {
		b, value = append(b, '-'), -value
	}
	unit := int64(1)
	for range decimals {
		unit *= 10
	}
	b = strconv.AppendInt(b, value/unit, 10)
	b = append(b, '.')
	for rest := value % unit; unit > 1; rest %= unit {
		unit /= 10
		b = append(b, '0'+byte(rest/unit))
	}
	return b
}
