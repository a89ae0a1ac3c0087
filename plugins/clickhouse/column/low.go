package column

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// LowCardinality is LowCardinality(T): a dictionary, and an index into it per
// value. The dictionary begins with the value that stands for a missing one:
// null for a nullable type, followed by the zero of the type, else that zero.
type LowCardinality struct {
	elem     Scalar // the dictionary
	nullable bool
	index    map[string]uint32
	recent   [recentTexts]recentText
	keys     []uint32
	scratch  []byte
	room     room
	texts    room // of the index
	mapped   int  // the most texts that the index has had, which is what its memory goes by
	empty    bool // an empty text is null where the type does not take it
	stale    bool // the dictionary may have texts that no row uses
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

func newLowCardinality(t Type, inner Column, rules Rules) (Column, error) {
	elem, nullable := inner, false
	if n, ok := inner.(*Nullable); ok {
		elem, nullable = n.Elem, true
	}
	scalar, ok := elem.(Scalar)
	if !ok {
		return nil, fmt.Errorf("type %s is not supported", t)
	}
	c := &LowCardinality{elem: scalar, nullable: nullable, empty: rules.EmptyToNull, index: map[string]uint32{}}
	c.Reset()
	return c, nil
}

// Append implements Scalar.
func (c *LowCardinality) Append(v *Value) error {
	if v.Kind == KindNull && c.nullable {
		c.Zero()
		return nil
	}
	if v.Kind != KindString || v.Escaped || len(v.Raw) == 0 {
		return c.find(v)
	}
	recent := &c.recent[slotOf(v.Raw)]
	if recent.text == str(v.Raw) {
		c.keys = append(c.keys, recent.key)
		return nil
	}
	if err := c.find(v); err != nil {
		return err
	}
	*recent = recentText{str(v.Raw), c.keys[len(c.keys)-1]}
	return nil
}

// find appends a value by the dictionary.
func (c *LowCardinality) find(v *Value) error {
	if err := c.elem.Append(v); err != nil {
		if c.nullable && c.empty && v.IsEmpty() {
			c.Zero()
			return nil
		}
		return err
	}
	last := c.elem.Len() - 1
	c.scratch = c.elem.Key(c.scratch[:0], last)
	key, known := c.index[string(c.scratch)]
	if known {
		c.elem.Truncate(last)
	} else {
		key = uint32(last)
		c.index[string(c.scratch)] = key
	}
	c.keys = append(c.keys, key)
	return nil
}

// Zero implements Column.
func (c *LowCardinality) Zero() { c.keys = append(c.keys, 0) }

// Len implements Column.
func (c *LowCardinality) Len() int { return len(c.keys) }

// Truncate implements Column.
func (c *LowCardinality) Truncate(n int) {
	c.stale = c.stale || n < len(c.keys)
	c.keys = c.keys[:n]
}

// Reset implements Column.
func (c *LowCardinality) Reset() {
	c.elem.Reset()
	c.keys, c.stale = emptied(c.keys, &c.room), false
	c.mapped = max(c.mapped, len(c.index))
	if c.texts.note(len(c.index), c.mapped) {
		c.index, c.mapped = make(map[string]uint32), 0 // one that is cleared keeps its memory
	} else {
		clear(c.index)
	}
	clear(c.recent[:])
	if c.nullable {
		c.elem.Zero()
	}
	c.elem.Zero()
	zero := c.elem.Len() - 1
	c.index[string(c.elem.Key(nil, zero))] = uint32(zero)
}

// State implements Column.
func (*LowCardinality) State(dst *Native) {
	const sharedDictionariesWithAdditionalKeys = 1 // the one version there is
	dst.Uint64(sharedDictionariesWithAdditionalKeys)
}

// Encode implements Column. Of some of the rows, or when some were taken back,
// only the texts that they use are sent: the server looks at all of the
// dictionary, and would find fault with them for a text that they do not have.
func (c *LowCardinality) Encode(dst *Native, from, to int) {
	switch {
	case from == to:
	case from == 0 && to == len(c.keys) && !c.stale:
		c.encode(dst, c.elem.Len(), c.keys, func(dst *Native) { c.elem.Encode(dst, 0, c.elem.Len()) })
	default:
		c.encodeUsed(dst, from, to)
	}
}

func (c *LowCardinality) encodeUsed(dst *Native, from, to int) {
	const unused = math.MaxUint32
	numbers := make([]uint32, c.elem.Len()) // in the dictionary that is sent, by number in ours
	for i := c.zeros(); i < len(numbers); i++ {
		numbers[i] = unused
	}
	for _, key := range c.keys[from:to] {
		numbers[key] = 0
	}
	size := uint32(0)
	for key, number := range numbers {
		if number != unused {
			numbers[key] = size
			size++
		}
	}
	keys := make([]uint32, to-from)
	for i, key := range c.keys[from:to] {
		keys[i] = numbers[key]
	}
	c.encode(dst, int(size), keys, func(dst *Native) {
		for end := 0; end < len(numbers); end++ {
			first := end
			for end < len(numbers) && numbers[end] != unused {
				end++
			}
			c.elem.Encode(dst, first, end)
		}
	})
}

// zeros is how many values the dictionary has that come before any of a row.
func (c *LowCardinality) zeros() int {
	if c.nullable {
		return 2
	}
	return 1
}

// encode adds a dictionary of a size, which add adds, and keys into it.
func (c *LowCardinality) encode(dst *Native, size int, keys []uint32, add func(dst *Native)) {
	const additionalKeys, updateDictionary = 1 << 9, 1 << 10
	width := uint64(0)
	switch {
	case size > 1<<16:
		width = 2
	case size > 1<<8:
		width = 1
	}
	dst.Uint64(additionalKeys | updateDictionary | width)
	dst.Uint64(uint64(size))
	add(dst)
	dst.Uint64(uint64(len(keys)))
	dst.Add(narrow(keys, width))
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

// Key implements Column.
func (c *LowCardinality) Key(dst []byte, i int) []byte {
	return binary.LittleEndian.AppendUint32(dst, c.keys[i])
}

// Size implements Column.
func (c *LowCardinality) Size() int {
	const entry = 48 // of a map: key, value, its share of the table
	return c.elem.Size() + 4*cap(c.keys) + max(c.mapped, len(c.index))*entry + int(unsafe.Sizeof(c.recent)) + cap(c.scratch)
}
