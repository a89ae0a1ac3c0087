package main

import (
	"bytes"
	"fmt"
	"time"
)

// row is one tick. symbol and venue are parts of the message that it came in.
type row struct {
	seq    uint64
	ts     uint32 // seconds since 1970
	symbol []byte
	venue  []byte
	side   int8 // as the column's Enum8 has it
	price  float64
	qty    float64
}

// scanner reads ticks in the one form that the benchmark publishes: these
// fields in this order without spaces. Anything else is an error, and so is a
// value that its column could not hold as it is.
type scanner struct {
	day     [10]byte // of the last tick, and its first second: days change seldom
	dayUnix int64
}

// cursor walks through a message. The first thing that is not as it should be
// makes it bad, and all that is read after that is meaningless.
type cursor struct {
	rest []byte
	bad  bool
}

// scan reads the first record of data and returns what follows it.
func (s *scanner) scan(data []byte, r *row) (rest []byte, err error) {
	c := cursor{rest: data}
	c.literal(`{"seq":`)
	r.seq = c.digits()
	c.literal(`,"ts":"`)
	r.ts = s.time(&c)
	c.literal(`","symbol":"`)
	r.symbol = c.text()
	c.literal(`,"venue":"`)
	r.venue = c.text()
	c.literal(`,"side":"`)
	r.side = c.side()
	c.literal(`,"price":`)
	r.price = c.decimal()
	c.literal(`,"qty":`)
	r.qty = c.decimal()
	c.literal(`}`)
	if len(c.rest) > 0 {
		c.literal("\n")
	}
	if c.bad {
		line, _, _ := bytes.Cut(data, []byte("\n"))
		return nil, fmt.Errorf("reading a tick: not in the expected form: %q", line)
	}
	return c.rest, nil
}

func (c *cursor) literal(text string) {
	if len(c.rest) < len(text) || string(c.rest[:len(text)]) != text {
		c.bad = true
		return
	}
	c.rest = c.rest[len(text):]
}

// digits is an unsigned number of at most 19 digits, which always fits.
func (c *cursor) digits() (n uint64) {
	i := 0
	for ; i < len(c.rest) && i < 19; i++ {
		d := c.rest[i] - '0'
		if d > 9 {
			break
		}
		n = n*10 + uint64(d)
	}
	c.bad = c.bad || i == 0
	c.rest = c.rest[i:]
	return n
}

// text is what is before the next quote. Escapes are not expected.
func (c *cursor) text() []byte {
	i := bytes.IndexByte(c.rest, '"')
	if i < 0 {
		c.bad = true
		return nil
	}
	text := c.rest[:i]
	if bytes.IndexByte(text, '\\') >= 0 {
		c.bad = true
	}
	c.rest = c.rest[i+1:]
	return text
}

func (c *cursor) side() int8 {
	switch string(c.text()) {
	case "buy":
		return 1
	case "sell":
		return 2
	}
	c.bad = true
	return 0
}

// powers of ten that a float64 holds exactly.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10}

// exact is the highest mantissa that a float64 holds exactly, so that one
// division rounds right.
const exact = 1 << 53

// decimal is a number with or without decimals and without an exponent.
func (c *cursor) decimal() float64 {
	mantissa, places := c.mantissa()
	if mantissa > exact || places >= len(powers) {
		c.bad = true
		return 0
	}
	return float64(mantissa) / powers[places]
}

// mantissa is such a number without its point, and how many decimals it has.
func (c *cursor) mantissa() (mantissa uint64, places int) {
	point, i := false, 0
	for ; i < len(c.rest); i++ {
		b := c.rest[i]
		if b == '.' && !point && i > 0 {
			point = true
			continue
		}
		d := b - '0'
		if d > 9 {
			break
		}
		mantissa = mantissa*10 + uint64(d)
		if point {
			places++
		}
	}
	if i == 0 || i > 18 || point && places == 0 {
		c.bad = true
		return 0, 0
	}
	c.rest = c.rest[i:]
	return mantissa, places
}

// moment is a time with or without decimals of its seconds, which are cut off.
func (s *scanner) moment(c *cursor) uint32 {
	const whole = len("2026-01-02T15:04:05")
	end := bytes.IndexByte(c.rest, 'Z')
	if end <= whole || c.rest[whole] != '.' {
		return s.time(c)
	}
	text := [whole + 1]byte(c.rest[:whole+1])
	text[whole] = 'Z'
	seconds := cursor{rest: text[:]}
	t := s.time(&seconds)
	c.bad = c.bad || seconds.bad
	c.rest = c.rest[end+1:]
	return t
}

// time is a time of whole seconds in UTC: 2026-01-02T15:04:05Z.
func (s *scanner) time(c *cursor) uint32 {
	const length = len("2026-01-02T15:04:05Z")
	if len(c.rest) < length {
		c.bad = true
		return 0
	}
	text := c.rest[:length]
	if [10]byte(text) != s.day && !s.setDay(text[:10]) {
		c.bad = true
		return 0
	}
	c.rest = c.rest[length:]
	hour, minute, second := two(text[11:]), two(text[14:]), two(text[17:])
	if text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != 'Z' || hour > 23 || minute > 59 || second > 59 {
		c.bad = true
	}
	return uint32(s.dayUnix + int64(hour*3600+minute*60+second))
}

// two is the number of two digits; more than 99 when they are none.
func two(b []byte) int {
	tens, ones := b[0]-'0', b[1]-'0'
	if tens > 9 || ones > 9 {
		return 100
	}
	return int(tens)*10 + int(ones)
}

func (s *scanner) setDay(text []byte) bool {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil || t.Year() < 1970 || t.Year() > 2105 { // DateTime ends in February 2106
		return false
	}
	s.day, s.dayUnix = [10]byte(text), t.Unix()
	return true
}
