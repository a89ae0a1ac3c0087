package clickhouse

import "fmt"

// nested reads the columns of a Nested from an array of objects. Every object
// must have every column that is inserted, so that their arrays are of one
// length. On error the columns are as they were.
func (d *decoder) nested(b *block, n *node, depth int) error {
	for _, i := range n.columns {
		if err := d.see(i); err != nil {
			return err
		}
	}
	at := 0
	err := d.scanner.elements(kindArray, depth, func(*value) error {
		err := d.nestedElement(b, n, depth+1, at)
		at++
		return err
	})
	for _, i := range n.columns {
		array := b.builders[i].(*arrayColumn)
		if err != nil {
			array.inner.truncate(array.start(len(array.ends)))
		} else {
			array.ends = append(array.ends, uint64(array.inner.len()))
		}
	}
	return err
}

func (d *decoder) nestedElement(b *block, n *node, depth, at int) error {
	s := &d.scanner
	if s.next() != '{' {
		if err := s.scan(&d.value, depth); err != nil {
			return err
		}
		return d.rejected(n.columns[0], fmt.Errorf("element %d: %w", at, wrongKind(&d.value, "an object")))
	}
	if err := d.object(b, n, depth); err != nil {
		return err
	}
	for _, i := range n.columns {
		array := b.builders[i].(*arrayColumn)
		if array.inner.len() != array.start(len(array.ends))+at+1 {
			return &rowError{column: d.schema.columns[i].name, err: fmt.Errorf("element %d lacks it", at)}
		}
	}
	return nil
}

// takeElement appends the value at hand to the arrays that it is an element of.
func (d *decoder) takeElement(b *block, columns []int) error {
	for _, i := range columns {
		if err := appendStrict(b.builders[i].(*arrayColumn).inner, &d.value); err != nil {
			return d.rejected(i, err)
		}
	}
	return nil
}
