package clickhouse

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

var errNoVariant = errors.New("no type of the Variant takes it")

// variantColumn is Variant(T, …). A value goes to the first type that takes
// it, asked in an order that depends on the kind of the JSON value alone.
type variantColumn struct {
	types   []builder
	orders  [kindArray + 1][]byte // by kind
	chosen  []byte                // per value, the number of its type
	counted []int                 // scratch: values before a position, by type
}

// variantNull stands in for the number of a type where the value is null.
const variantNull = 255

func newVariant(t typeName, rules timeRules) (builder, error) {
	c := &variantColumn{counted: make([]int, len(t.args))}
	if len(t.args) == 0 || len(t.args) >= variantNull {
		return nil, fmt.Errorf("type Variant with %d types is not supported", len(t.args))
	}
	for _, arg := range t.args {
		inner, err := newBuilder(arg, rules)
		if err != nil {
			return nil, err
		}
		c.types = append(c.types, inner)
	}
	for k := range c.orders {
		c.orders[k] = variantOrder(kind(k), t.args)
	}
	return c, nil
}

// variantOrder returns the numbers of the types as they are asked for a JSON
// value of one kind: those first that are of that kind, of the numbers the
// exact ones; the others as they stand in the type.
func variantOrder(k kind, types []string) []byte {
	order := make([]byte, len(types))
	for i := range order {
		order[i] = byte(i)
	}
	rank := func(i byte) int { return variantRank(k, types[i]) }
	slices.SortStableFunc(order, func(a, b byte) int { return rank(a) - rank(b) })
	return order
}

func variantRank(k kind, typ string) int {
	preferred := map[kind][]string{
		kindTrue:   {"Bool"},
		kindFalse:  {"Bool"},
		kindNumber: {"Int", "UInt", "Decimal", "Float"},
		kindString: {"String", "LowCardinality(String", "FixedString"},
		kindObject: {"JSON", "Map", "Tuple"},
		kindArray:  {"Array", "Tuple"},
	}[k]
	for rank, prefix := range preferred {
		if strings.HasPrefix(typ, prefix) {
			return rank
		}
	}
	return len(preferred)
}

func (*variantColumn) takesNull() {}

func (c *variantColumn) append(v *value) error {
	if v.kind == kindNull {
		c.zero()
		return nil
	}
	for _, i := range c.orders[v.kind] {
		if c.types[i].append(v) == nil {
			c.chosen = append(c.chosen, i)
			return nil
		}
	}
	return errNoVariant
}

func (c *variantColumn) zero()    { c.chosen = append(c.chosen, variantNull) }
func (c *variantColumn) len() int { return len(c.chosen) }

func (c *variantColumn) truncate(n int) {
	for i, count := range c.count(n) {
		c.types[i].truncate(count)
	}
	c.chosen = c.chosen[:n]
}

// count returns how many of the first n values there are of each type.
func (c *variantColumn) count(n int) []int {
	clear(c.counted)
	for _, i := range c.chosen[:n] {
		if i != variantNull {
			c.counted[i]++
		}
	}
	return c.counted
}

func (c *variantColumn) reset() {
	for _, inner := range c.types {
		inner.reset()
	}
	c.chosen = c.chosen[:0]
}

func (c *variantColumn) encode(out *native, from, to int) {
	out.add(c.chosen[from:to])
	first := slices.Clone(c.count(from))
	for i, last := range c.count(to) {
		c.types[i].encode(out, first[i], last)
	}
}

func (c *variantColumn) key(dst []byte, i int) []byte {
	dst = append(dst, c.chosen[i])
	if c.chosen[i] == variantNull {
		return dst
	}
	return c.types[c.chosen[i]].key(dst, c.count(i)[c.chosen[i]])
}
