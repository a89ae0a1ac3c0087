package clickhouse

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var errNoElement = errors.New("the tuple has no element of that name")

// tupleColumn is Tuple(T, …), with or without names.
type tupleColumn struct {
	elements []builder
	names    []string // none for a tuple without names
	rows     int
	given    []bool // of the value at hand, by element
	scanner  scanner
	element  value
}

func newTuple(t typeName, rules timeRules) (builder, error) {
	c := &tupleColumn{given: make([]bool, len(t.args))}
	for _, arg := range t.args {
		name, typ := elementOf(arg)
		inner, err := newBuilder(typ, rules)
		if err != nil {
			return nil, err
		}
		c.elements = append(c.elements, inner)
		if name != "" {
			c.names = append(c.names, name)
		}
	}
	if len(t.args) == 0 || len(c.names) > 0 && len(c.names) < len(c.elements) {
		return nil, fmt.Errorf("type Tuple(%s) is not supported", strings.Join(t.args, ", "))
	}
	return c, nil
}

var namedElement = regexp.MustCompile("^([A-Za-z_][A-Za-z0-9_]*|`(?:[^`\\\\]|\\\\.)+`) +(.+)$")

// elementOf splits an element of a tuple, such as bid Float64. The name is ""
// if it has none.
func elementOf(arg string) (name, typ string) {
	m := namedElement.FindStringSubmatch(arg)
	if m == nil {
		return "", arg
	}
	if m[1][0] == '`' {
		return unquote("'" + strings.Trim(m[1], "`") + "'"), m[2]
	}
	return m[1], m[2]
}

func (c *tupleColumn) append(v *value) error {
	var err error
	switch {
	case v.kind == kindObject && c.names != nil:
		err = c.members(v)
	case v.kind == kindArray:
		err = c.list(v)
	case c.names != nil:
		err = wrongKind(v, "an object or an array")
	default:
		err = wrongKind(v, "an array")
	}
	if err != nil {
		c.truncate(c.rows)
		return err
	}
	c.rows++
	return nil
}

// members reads an object. An element that it lacks gets what a missing column
// gets.
func (c *tupleColumn) members(v *value) error {
	clear(c.given)
	c.scanner.begin(v.raw)
	err := c.scanner.elements(kindObject, 0, func(key *value) error {
		name := key.text()
		i := slices.Index(c.names, name)
		switch {
		case i < 0:
			return fmt.Errorf("%q: %w", shorten([]byte(name)), errNoElement)
		case c.given[i]:
			return fmt.Errorf("%q: %w", shorten([]byte(name)), errDuplicate)
		}
		c.given[i] = true
		if err := c.take(i); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, given := range c.given {
		if !given {
			c.elements[i].zero()
		}
	}
	return nil
}

// list reads an array, which must have all elements.
func (c *tupleColumn) list(v *value) error {
	at := 0
	c.scanner.begin(v.raw)
	err := c.scanner.elements(kindArray, 0, func(*value) error {
		if at == len(c.elements) {
			return fmt.Errorf("more than the %d elements of the tuple", at)
		}
		if err := c.take(at); err != nil {
			return fmt.Errorf("element %d: %w", at, err)
		}
		at++
		return nil
	})
	if err == nil && at < len(c.elements) {
		return fmt.Errorf("%d elements where the tuple has %d", at, len(c.elements))
	}
	return err
}

func (c *tupleColumn) take(i int) error {
	// Depth was checked when the value was scanned as a whole.
	if err := c.scanner.scan(&c.element, 0); err != nil {
		return err
	}
	return appendStrict(c.elements[i], &c.element)
}

func (c *tupleColumn) zero() {
	for _, e := range c.elements {
		e.zero()
	}
	c.rows++
}

func (c *tupleColumn) len() int { return c.rows }

func (c *tupleColumn) truncate(n int) {
	for _, e := range c.elements {
		if e.len() > n {
			e.truncate(n)
		}
	}
	c.rows = n
}

func (c *tupleColumn) reset() {
	for _, e := range c.elements {
		e.reset()
	}
	c.rows = 0
	c.scanner, c.element = scanner{}, value{}
}

func (c *tupleColumn) encode(out *native, from, to int) {
	for _, e := range c.elements {
		e.encode(out, from, to)
	}
}

func (c *tupleColumn) key(dst []byte, i int) []byte {
	for _, e := range c.elements {
		dst = e.key(dst, i)
	}
	return dst
}
