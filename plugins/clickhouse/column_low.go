package clickhouse

import "encoding/binary"

// lowCardinality is LowCardinality(T): a dictionary, and an index into it per
// value. The dictionary begins with the value that stands for a missing one:
// null for a nullable type, followed by the zero of the type, else that zero.
type lowCardinality struct {
	inner    builder // the dictionary
	nullable bool
	index    map[string]uint32
	recent   [recentTexts]recentText
	keys     []uint32
	scratch  []byte
}

// recentTexts is how many texts are found without the map. Few of a feed's
// columns with a dictionary have more.
const recentTexts = 256

// recentText is a text as it stands in records, whose memory it aliases, and its
// index in the dictionary.
type recentText struct {
	text string
	key  uint32
}

// slotOf is where a text is looked for among the recent ones. It goes by length
// and last bytes, in which names tend to differ.
func slotOf(text []byte) uint64 {
	const golden = 0x9e3779b97f4a7c15 // of Fibonacci hashing (Knuth, volume 3, 6.4)
	h := uint64(len(text))
	if len(text) >= 8 {
		h ^= binary.LittleEndian.Uint64(text[len(text)-8:])
	} else {
		for _, c := range text {
			h = h<<8 ^ uint64(c)
		}
	}
	return h * golden >> 56
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
	if v.kind != kindString || v.escaped || len(v.raw) == 0 {
		return c.find(v)
	}
	recent := &c.recent[slotOf(v.raw)]
	if recent.text == str(v.raw) {
		c.keys = append(c.keys, recent.key)
		return nil
	}
	if err := c.find(v); err != nil {
		return err
	}
	*recent = recentText{str(v.raw), c.keys[len(c.keys)-1]}
	return nil
}

// find appends a value by the dictionary.
func (c *lowCardinality) find(v *value) error {
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
	clear(c.recent[:])
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
