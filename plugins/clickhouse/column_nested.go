package clickhouse

import (
	"encoding/binary"
	"fmt"
)

// nullableColumn is Nullable(T).
type nullableColumn struct {
	nulls []byte
	inner builder
}

func (*nullableColumn) takesNull() {}

func (c *nullableColumn) append(v *value) error {
	if v.kind == kindNull {
		c.zero()
		return nil
	}
	if err := c.inner.append(v); err != nil {
		return err
	}
	c.nulls = append(c.nulls, 0)
	return nil
}

func (c *nullableColumn) zero() {
	c.inner.zero()
	c.nulls = append(c.nulls, 1)
}

func (c *nullableColumn) len() int { return len(c.nulls) }

func (c *nullableColumn) truncate(n int) {
	c.inner.truncate(n)
	c.nulls = c.nulls[:n]
}

func (c *nullableColumn) reset() {
	c.inner.reset()
	c.nulls = c.nulls[:0]
}

func (c *nullableColumn) encode(out *native, from, to int) {
	out.add(c.nulls[from:to])
	c.inner.encode(out, from, to)
}

func (c *nullableColumn) key(dst []byte, i int) []byte {
	return c.inner.key(append(dst, c.nulls[i]), i)
}

// arrayColumn is Array(T), of any depth.
type arrayColumn struct {
	ends    []uint64 // per value, how many elements there are up to its end
	inner   builder
	scanner scanner
	element value
}

func (c *arrayColumn) append(v *value) error {
	if v.kind != kindArray {
		return wrongKind(v, "an array")
	}
	before, at := c.inner.len(), 0
	c.scanner.begin(v.raw)
	// Depth was checked when the array was scanned as a whole.
	err := c.scanner.elements(kindArray, 0, func(*value) error {
		if err := c.scanner.scan(&c.element, 0); err != nil {
			return err
		}
		if err := appendStrict(c.inner, &c.element); err != nil {
			return fmt.Errorf("element %d: %w", at, err)
		}
		at++
		return nil
	})
	if err != nil {
		c.inner.truncate(before)
		return err
	}
	c.ends = append(c.ends, uint64(c.inner.len()))
	return nil
}

func (c *arrayColumn) zero()    { c.ends = append(c.ends, uint64(c.inner.len())) }
func (c *arrayColumn) len() int { return len(c.ends) }

func (c *arrayColumn) start(i int) int {
	if i == 0 {
		return 0
	}
	return int(c.ends[i-1])
}

func (c *arrayColumn) truncate(n int) {
	c.inner.truncate(c.start(n))
	c.ends = c.ends[:n]
}

func (c *arrayColumn) reset() {
	c.inner.reset()
	c.ends = c.ends[:0]
	c.scanner, c.element = scanner{}, value{}
}

func (c *arrayColumn) encode(out *native, from, to int) {
	first := c.start(from)
	ends := make([]uint64, to-from)
	for i, end := range c.ends[from:to] {
		ends[i] = end - uint64(first)
	}
	out.add(rawBytes(ends))
	c.inner.encode(out, first, c.start(to))
}

func (c *arrayColumn) key(dst []byte, i int) []byte {
	for j := c.start(i); j < c.start(i+1); j++ {
		dst = c.inner.key(dst, j)
	}
	return dst
}

// lowCardinality is LowCardinality(T): a dictionary, and an index into it per
// value. The dictionary begins with the value that stands for a missing one:
// null for a nullable type, followed by the zero of the type, else that zero.
type lowCardinality struct {
	inner    builder // the dictionary
	nullable bool
	index    map[string]uint32
	keys     []uint32
	scratch  []byte
}

func newLowCardinality(inner builder) builder {
	c := &lowCardinality{inner: inner, index: map[string]uint32{}}
	if n, ok := inner.(*nullableColumn); ok {
		c.inner, c.nullable = n.inner, true
	}
	c.reset()
	return c
}

// takesNull is true of a nullable one alone, which appendStrict knows.
func (*lowCardinality) takesNull() {}

func (c *lowCardinality) append(v *value) error {
	if v.kind == kindNull && c.nullable {
		c.zero()
		return nil
	}
	if err := c.inner.append(v); err != nil {
		return err
	}
	last := c.inner.len() - 1
	c.scratch = c.inner.key(c.scratch[:0], last)
	key, known := c.index[string(c.scratch)]
	if known {
		c.inner.truncate(last)
	} else {
		key = uint32(last)
		c.index[string(c.scratch)] = key
	}
	c.keys = append(c.keys, key)
	return nil
}

func (c *lowCardinality) zero()          { c.keys = append(c.keys, 0) }
func (c *lowCardinality) len() int       { return len(c.keys) }
func (c *lowCardinality) truncate(n int) { c.keys = c.keys[:n] }

func (c *lowCardinality) reset() {
	c.inner.reset()
	c.keys = c.keys[:0]
	clear(c.index)
	if c.nullable {
		c.inner.zero()
	}
	c.inner.zero()
	zero := c.inner.len() - 1
	c.index[string(c.inner.key(nil, zero))] = uint32(zero)
}

func (c *lowCardinality) encode(out *native, from, to int) {
	if from == to {
		return
	}
	const additionalKeys, updateDictionary = 1 << 9, 1 << 10
	size, width := c.inner.len(), uint64(0)
	switch {
	case size > 1<<16:
		width = 2
	case size > 1<<8:
		width = 1
	}
	out.addUint64(additionalKeys | updateDictionary | width)
	out.addUint64(uint64(size))
	c.inner.encode(out, 0, size)
	out.addUint64(uint64(to - from))
	out.add(narrow(c.keys[from:to], width))
}

// narrow returns the keys in 1, 2 or 4 bytes each (width 0, 1, 2).
func narrow(keys []uint32, width uint64) []byte {
	if width == 2 {
		return rawBytes(keys)
	}
	out := make([]byte, 0, len(keys)<<width)
	for _, k := range keys {
		if width == 0 {
			out = append(out, byte(k))
		} else {
			out = binary.LittleEndian.AppendUint16(out, uint16(k))
		}
	}
	return out
}

func (c *lowCardinality) key(dst []byte, i int) []byte {
	return binary.LittleEndian.AppendUint32(dst, c.keys[i])
}
