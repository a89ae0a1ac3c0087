package clickhouse

import (
	"encoding/binary"
	"fmt"

	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// stringColumn is String. Its values alias the records of the batch, which
// Benthos keeps unchanged until WriteBatch returns.
type stringColumn struct {
	values []string
}

func (c *stringColumn) append(v *value) error {
	switch v.kind {
	case kindString:
		c.values = append(c.values, v.text())
	case kindObject, kindArray:
		c.values = append(c.values, str(v.raw))
	default:
		return wrongKind(v, "a string")
	}
	return nil
}

func (c *stringColumn) zero()    { c.values = append(c.values, "") }
func (c *stringColumn) len() int { return len(c.values) }

func (c *stringColumn) truncate(n int) {
	clear(c.values[n:])
	c.values = c.values[:n]
}

func (c *stringColumn) reset() { c.truncate(0) }

func (c *stringColumn) encode(out *native, from, to int) {
	size := 0
	for _, s := range c.values[from:to] {
		size += len(s) + binary.MaxVarintLen32
	}
	b := make([]byte, 0, size)
	for _, s := range c.values[from:to] {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	out.add(b)
}

// handOver spares strings one copy.
func (c *stringColumn) handOver(to chcolumn.Interface, from, end int) error {
	_, err := to.Append(c.values[from:end])
	return err
}

func (c *stringColumn) key(dst []byte, i int) []byte { return append(dst, c.values[i]...) }

// fixedString is FixedString(size); shorter values are padded with zero bytes,
// as the server does.
type fixedString struct {
	size int
	data []byte
	pad  []byte
}

func newFixedString(t typeName) (builder, error) {
	n, err := t.intArg(0)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("type FixedString(%s) is not understood", t.textArg(0))
	}
	return &fixedString{size: n, pad: make([]byte, n)}, nil
}

func (c *fixedString) append(v *value) error {
	if v.kind != kindString {
		return wrongKind(v, "a string")
	}
	s := v.text()
	if len(s) > c.size {
		return fmt.Errorf("%d bytes where %d fit", len(s), c.size)
	}
	c.data = append(c.data, s...)
	c.data = append(c.data, c.pad[len(s):]...)
	return nil
}

func (c *fixedString) zero()          { c.data = append(c.data, c.pad...) }
func (c *fixedString) len() int       { return len(c.data) / c.size }
func (c *fixedString) truncate(n int) { c.data = c.data[:n*c.size] }
func (c *fixedString) reset()         { c.data = c.data[:0] }

func (c *fixedString) encode(out *native, from, to int) { out.add(c.data[from*c.size : to*c.size]) }

func (c *fixedString) key(dst []byte, i int) []byte {
	return append(dst, c.data[i*c.size:(i+1)*c.size]...)
}

// parseUUID reads the usual text form. On the wire the two halves of a UUID
// are little-endian numbers.
func parseUUID(v *value) (id [16]byte, err error) {
	if v.kind != kindString {
		return id, wrongKind(v, "a UUID")
	}
	b := v.raw
	if len(b) != 36 || b[8] != '-' || b[13] != '-' || b[18] != '-' || b[23] != '-' {
		return id, errNotAUUID
	}
	at := 0
	for i := 0; i < len(id); i++ {
		if at == 8 || at == 13 || at == 18 || at == 23 {
			at++
		}
		hi, lo := nibble(b[at]), nibble(b[at+1])
		if hi > 15 || lo > 15 {
			return id, errNotAUUID
		}
		id[7-i%8+i/8*8] = hi<<4 | lo
		at += 2
	}
	return id, nil
}

func nibble(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}
