package clickhouse

import "fmt"

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
