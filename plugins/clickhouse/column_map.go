package clickhouse

import (
	"bytes"
	"fmt"
	"slices"
)

// mapColumn is Map(K, V): on the wire an array of pairs.
type mapColumn struct {
	arrayColumn
	keys, values builder
	pairs        *tupleColumn
	order        []int // of the keys of the value at hand
	a, b         []byte
}

func newMap(t typeName, rules timeRules) (builder, error) {
	if len(t.args) != 2 {
		return nil, fmt.Errorf("type %s needs two arguments", t.name)
	}
	keys, err := newBuilder(t.args[0], rules)
	if err != nil {
		return nil, err
	}
	values, err := newBuilder(t.args[1], rules)
	if err != nil {
		return nil, err
	}
	pairs := &tupleColumn{elements: []builder{keys, values}}
	return &mapColumn{arrayColumn: arrayColumn{inner: pairs}, keys: keys, values: values, pairs: pairs}, nil
}

func (c *mapColumn) append(v *value) error {
	if v.kind != kindObject {
		return wrongKind(v, "an object")
	}
	before := c.pairs.len()
	c.scanner.begin(v.raw)
	err := c.scanner.elements(kindObject, 0, c.pair)
	if err == nil {
		err = c.unique(before)
	}
	if err != nil {
		c.pairs.truncate(before)
		return err
	}
	c.ends = append(c.ends, uint64(c.pairs.len()))
	return nil
}

func (c *mapColumn) pair(key *value) error {
	if err := c.keys.append(key); err != nil {
		return fmt.Errorf("key %q: %w", shorten(key.raw), err)
	}
	if err := c.scanner.scan(&c.element, 0); err != nil {
		return err
	}
	if err := appendStrict(c.values, &c.element); err != nil {
		return fmt.Errorf("value of key %q: %w", shorten(key.raw), err)
	}
	c.pairs.rows++
	return nil
}

// unique makes sure that no two keys of the value at hand are the same to
// ClickHouse, which would keep both.
func (c *mapColumn) unique(from int) error {
	c.order = c.order[:0]
	for i := from; i < c.pairs.len(); i++ {
		c.order = append(c.order, i)
	}
	if len(c.order) < 2 {
		return nil
	}
	slices.SortFunc(c.order, c.compare)
	for n := range c.order[1:] {
		if c.compare(c.order[n], c.order[n+1]) == 0 {
			return fmt.Errorf("key %d: %w", c.order[n+1]-from, errDuplicate)
		}
	}
	return nil
}

func (c *mapColumn) compare(i, j int) int {
	c.a, c.b = c.keys.key(c.a[:0], i), c.keys.key(c.b[:0], j)
	return bytes.Compare(c.a, c.b)
}
