package column

import (
	"fmt"
	"slices"
	"strings"
)

// Variant is Variant(T, …). A reader appends a value to one of Types, asked in
// the order that Order gives, and calls EndRow with its number; a null is a Zero.
type Variant struct {
	Types []Column // as they stand in the type

	orders  [Kinds][]byte
	chosen  []byte // per value, the number of its type
	counted []int  // scratch: values before a position, by type
	room    room
}

// variantNull stands in for the number of a type where the value is null.
const variantNull = 255

func newVariant(t Type, rules Rules) (Column, error) {
	c := &Variant{counted: make([]int, len(t.Args))}
	if len(t.Args) == 0 || len(t.Args) >= variantNull {
		return nil, fmt.Errorf("type Variant with %d types is not supported", len(t.Args))
	}
	var types []string
	for i := range t.Args {
		typ, err := t.typeArg(i)
		if err != nil {
			return nil, err
		}
		inner, err := newColumn(typ, rules)
		if err != nil {
			return nil, err
		}
		c.Types = append(c.Types, inner)
		types = append(types, typ.String())
	}
	for k := range c.orders {
		c.orders[k] = variantOrder(Kind(k), types)
	}
	return c, nil
}

// variantOrder returns the numbers of the types as they are asked for a value
// of one kind: those first that are of that kind, of the numbers the exact
// ones; the others as they stand in the type.
func variantOrder(k Kind, types []string) []byte {
	order := make([]byte, len(types))
	for i := range order {
		order[i] = byte(i)
	}
	rank := func(i byte) int { return variantRank(k, types[i]) }
	slices.SortStableFunc(order, func(a, b byte) int { return rank(a) - rank(b) })
	return order
}

func variantRank(k Kind, typ string) int {
	preferred := map[Kind][]string{
		KindTrue:   {"Bool"},
		KindFalse:  {"Bool"},
		KindNumber: {"Int", "UInt", "Decimal", "Float"},
		KindString: {"String", "LowCardinality(String", "FixedString"},
		KindObject: {"JSON", "Map", "Tuple"},
		KindArray:  {"Array", "Tuple"},
		KindFloat:  {"Int", "UInt", "Decimal", "Float"},
		KindTime:   {"DateTime64", "DateTime", "String", "LowCardinality(String", "FixedString"},
		KindDate:   {"Date", "DateTime", "String", "LowCardinality(String", "FixedString"},
		KindSpan:   {"Time64", "Time", "String", "LowCardinality(String", "FixedString"},
	}[k]
	found, longest := len(preferred), 0
	for rank, prefix := range preferred {
		if strings.HasPrefix(typ, prefix) && len(prefix) > longest { // DateTime is no Date
			found, longest = rank, len(prefix)
		}
	}
	return found
}

// Order returns the numbers of the types as they are to be asked for a value of
// a kind. It depends on nothing else, and is not to be changed.
func (c *Variant) Order(k Kind) []byte { return c.orders[k] }

// EndRow makes what Types[i] has got the next value.
func (c *Variant) EndRow(i byte) { c.chosen = append(c.chosen, i) }

// Zero implements Column: null.
func (c *Variant) Zero() { c.chosen = append(c.chosen, variantNull) }

// Len implements Column.
func (c *Variant) Len() int { return len(c.chosen) }

// Truncate implements Column.
func (c *Variant) Truncate(n int) {
	for i, count := range c.count(c.counted, n) {
		c.Types[i].Truncate(count)
	}
	c.chosen = c.chosen[:n]
}

// count returns how many of the first n values there are of each type.
func (c *Variant) count(counted []int, n int) []int {
	clear(counted)
	for _, i := range c.chosen[:n] {
		if i != variantNull {
			counted[i]++
		}
	}
	return counted
}

// Reset implements Column.
func (c *Variant) Reset() {
	for _, inner := range c.Types {
		inner.Reset()
	}
	c.chosen = emptied(c.chosen, &c.room)
}

// State implements Column.
func (c *Variant) State(dst *Native) {
	dst.Uint64(0) // the mode of the numbers of the types: one byte each
	for _, inner := range c.Types {
		inner.State(dst)
	}
}

// Encode implements Column.
func (c *Variant) Encode(dst *Native, from, to int) {
	dst.Add(c.chosen[from:to])
	first := c.count(make([]int, len(c.Types)), from)
	for i, last := range c.count(make([]int, len(c.Types)), to) {
		c.Types[i].Encode(dst, first[i], last)
	}
}

// Key implements Column.
func (c *Variant) Key(dst []byte, i int) []byte {
	dst = append(dst, c.chosen[i])
	if c.chosen[i] == variantNull {
		return dst
	}
	return c.Types[c.chosen[i]].Key(dst, c.count(make([]int, len(c.Types)), i)[c.chosen[i]])
}

// Size implements Column.
func (c *Variant) Size() int {
	size := cap(c.chosen)
	for _, inner := range c.Types {
		size += inner.Size()
	}
	return size
}
