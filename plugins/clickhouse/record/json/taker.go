package json

import (
	"errors"
	"fmt"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
)

// taker takes values into a column. A column of scalars is one itself; the
// others have one that walks over the text of their values. On error nothing
// was added.
type taker interface {
	Append(v *column.Value) error
}

// walker is a taker that reads the text of values.
type walker interface {
	taker
	release() // drops what refers to a record
}

// takers are those of a block's columns.
type takers struct {
	all     []taker
	walkers []walker
	strict  bool // a zero is not made up for what is missing
}

// takersOf makes sure that a block has takers.
func takersOf(b *column.Block, strict bool) {
	if t, ok := b.Reader.(*takers); ok && t.strict == strict {
		return
	}
	t := &takers{strict: strict}
	for _, c := range b.Columns {
		t.all = append(t.all, t.of(c))
	}
	b.Reader = t
}

func (t *takers) release() {
	for _, w := range t.walkers {
		w.release()
	}
}

// of returns the taker of a column.
func (t *takers) of(c column.Column) taker {
	var w walker
	switch c := c.(type) {
	case *column.Array:
		w = &arrayTaker{column: c, elem: t.of(c.Elem)}
	case *column.Map:
		w = &mapTaker{column: c, values: t.of(c.Values)}
	case *column.Tuple:
		w = newTupleTaker(c, t)
	case *column.Variant:
		return newVariantTaker(c, t)
	case *column.Nullable:
		if c.IsScalar() {
			return c
		}
		return &nullableTaker{column: c, elem: t.of(c.Elem)}
	case column.Scalar:
		return c
	default:
		panic(fmt.Sprintf("json: no value is known for a %T", c))
	}
	t.walkers = append(t.walkers, w)
	return w
}

// text walks over the text of a value. Depth was checked when the value was
// scanned as a whole.
type text struct {
	scanner scanner
	element column.Value
}

func (t *text) release() { t.scanner, t.element = scanner{}, column.Value{} }

// take reads the value that the scanner stands before into to.
func (t *text) take(to taker) error {
	if err := t.scanner.scan(&t.element, 0); err != nil {
		return err
	}
	return to.Append(&t.element)
}

type arrayTaker struct {
	text
	column *column.Array
	elem   taker
}

func (c *arrayTaker) Append(v *column.Value) error {
	if v.Kind != column.KindArray {
		return column.WrongKind(v, "an array")
	}
	at := 0
	c.scanner.begin(v.Raw)
	err := c.scanner.elements(column.KindArray, 0, func(*column.Value) error {
		if err := c.take(c.elem); err != nil {
			return fmt.Errorf("element %d: %w", at, err)
		}
		at++
		return nil
	})
	if err != nil {
		c.column.Undo()
		return err
	}
	c.column.EndRow()
	return nil
}

type mapTaker struct {
	text
	column *column.Map
	values taker
}

func (c *mapTaker) Append(v *column.Value) error {
	if v.Kind != column.KindObject {
		return column.WrongKind(v, "an object")
	}
	c.scanner.begin(v.Raw)
	err := c.scanner.elements(column.KindObject, 0, c.pair)
	if err == nil {
		err = c.column.EndRow()
	}
	if err != nil {
		c.column.Undo()
	}
	return err
}

func (c *mapTaker) pair(key *column.Value) error {
	if err := c.column.Keys.Append(key); err != nil {
		return fmt.Errorf("key %q: %w", record.Shorten(key.Raw), err)
	}
	if err := c.take(c.values); err != nil {
		return fmt.Errorf("value of key %q: %w", record.Shorten(key.Raw), err)
	}
	return nil
}

var errMissingElement = errors.New("the object lacks it, and the element has no null")

type tupleTaker struct {
	text
	column *column.Tuple
	elems  []taker
	given  []bool // of the value at hand, by element
	strict bool
}

func newTupleTaker(c *column.Tuple, t *takers) *tupleTaker {
	w := &tupleTaker{column: c, given: make([]bool, len(c.Elems)), strict: t.strict}
	for _, e := range c.Elems {
		w.elems = append(w.elems, t.of(e))
	}
	return w
}

func (c *tupleTaker) Append(v *column.Value) error {
	var err error
	switch {
	case v.Kind == column.KindObject && c.column.Names != nil:
		err = c.members(v)
	case v.Kind == column.KindArray:
		err = c.list(v)
	case c.column.Names != nil:
		err = column.WrongKind(v, "an object or an array")
	default:
		err = column.WrongKind(v, "an array")
	}
	if err != nil {
		c.column.Undo()
		return err
	}
	c.column.EndRow()
	return nil
}

// members reads an object. An element that it lacks gets what a missing column
// gets.
func (c *tupleTaker) members(v *column.Value) error {
	clear(c.given)
	c.scanner.begin(v.Raw)
	if err := c.scanner.elements(column.KindObject, 0, c.member); err != nil {
		return err
	}
	for i, given := range c.given {
		switch e := c.column.Elems[i]; {
		case given:
		case c.strict && !column.ZeroIsNull(e):
			return fmt.Errorf("%q: %w", c.column.Names[i], errMissingElement)
		default:
			e.Zero()
		}
	}
	return nil
}

func (c *tupleTaker) member(key *column.Value) error {
	name := key.Text()
	i := c.column.Index(name)
	switch {
	case i < 0:
		return fmt.Errorf("%q: %w", record.Shorten([]byte(name)), column.ErrNoElement)
	case c.given[i]:
		return fmt.Errorf("%q: %w", record.Shorten([]byte(name)), column.ErrDuplicate)
	}
	c.given[i] = true
	if err := c.take(c.elems[i]); err != nil {
		return fmt.Errorf("%q: %w", c.column.Names[i], err)
	}
	return nil
}

// list reads an array, which must have all elements.
func (c *tupleTaker) list(v *column.Value) error {
	at := 0
	c.scanner.begin(v.Raw)
	err := c.scanner.elements(column.KindArray, 0, func(*column.Value) error {
		if at == len(c.elems) {
			return fmt.Errorf("more than the %d elements of the tuple", at)
		}
		if err := c.take(c.elems[at]); err != nil {
			return fmt.Errorf("element %d: %w", at, err)
		}
		at++
		return nil
	})
	if err == nil && at < len(c.elems) {
		return fmt.Errorf("%d elements where the tuple has %d", at, len(c.elems))
	}
	return err
}

type nullableTaker struct {
	column *column.Nullable
	elem   taker
}

func (c *nullableTaker) Append(v *column.Value) error {
	if v.Kind == column.KindNull {
		c.column.Zero()
		return nil
	}
	if err := c.elem.Append(v); err != nil {
		return err
	}
	c.column.EndRow()
	return nil
}

type variantTaker struct {
	column *column.Variant
	types  []taker
}

func newVariantTaker(c *column.Variant, t *takers) *variantTaker {
	w := &variantTaker{column: c}
	for _, inner := range c.Types {
		w.types = append(w.types, t.of(inner))
	}
	return w
}

func (c *variantTaker) Append(v *column.Value) error {
	if v.Kind == column.KindNull {
		c.column.Zero()
		return nil
	}
	for _, i := range c.column.Order(v.Kind) {
		if c.types[i].Append(v) == nil {
			c.column.EndRow(i)
			return nil
		}
	}
	return column.ErrNoVariant
}
