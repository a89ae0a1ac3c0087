package json

import (
	"fmt"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
)

// record reads one record and appends to the block what columns take of it.
func (d *Decoder) record(b *column.Block) error {
	s := &d.scanner
	if s.next() != '{' {
		if s.skipMark(); s.next() != '{' {
			return s.fail("an object")
		}
	}
	start := s.pos
	if err := d.object(b, d.root, 0); err != nil {
		return err
	}
	if len(d.root.columns) > 0 {
		d.value = column.Value{Kind: column.KindObject, Raw: s.buf[start:s.pos]}
		if err := d.take(d.root.columns); err != nil {
			return err
		}
	}
	return s.end()
}

// object reads an object that is at the given depth; the scanner stands at its
// brace.
func (d *Decoder) object(b *column.Block, n *node, depth int) error {
	s := &d.scanner
	d.stamp++
	n.stamp = d.stamp
	s.pos++
	if s.next() == '}' {
		s.pos++
		return nil
	}
	for guess := &n.first; ; {
		f, err := d.field(n, *guess)
		if err != nil {
			return err
		}
		if f != nil {
			*guess = f
			guess = &f.next
		}
		if err := d.member(b, n, f, depth+1); err != nil {
			return err
		}
		switch s.next() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			return nil
		default:
			return s.fail("a comma or the end of the object")
		}
	}
}

// field reads the name of a member and returns its field, nil if there is no
// room for it. Records of one stream have their fields in one order, so that
// comparing with the name that came here the last time is all it takes.
func (d *Decoder) field(n *node, guess *field) (*field, error) {
	if guess != nil && d.scanner.isKey(guess.quoted) {
		return guess, nil
	}
	if err := d.scanner.key(&d.value); err != nil {
		return nil, err
	}
	name := d.value.Text()
	if f, ok := n.fields[name]; ok {
		return f, nil
	}
	return d.unknown(n, name)
}

// unknown is a name that comes for the first time and that nothing is taken
// of. It may be that of a column which the table has got since.
func (d *Decoder) unknown(n *node, name string) (*field, error) {
	switch {
	case n.whole:
	case d.schema.Lost[n.prefix+name]:
		return nil, &record.RowError{Column: n.prefix + name, Err: record.ErrLost}
	case d.rejectUnknown && !n.all && !n.known[name]:
		return nil, &record.RowError{Field: true, Column: record.Shorten([]byte(n.prefix + name)), Err: record.ErrUnknown}
	}
	f := n.learn(name)
	d.stranger = d.stranger || f != nil && d.sources == nil
	return f, nil
}

// member reads the value of a field; nil is one that there was no room for.
func (d *Decoder) member(b *column.Block, n *node, f *field, depth int) error {
	if f == nil {
		return d.scanner.scan(&d.value, depth)
	}
	if f.stamp == n.stamp {
		return duplicate(f.path)
	}
	f.stamp = n.stamp
	if f.child != nil || f.nested != nil {
		return d.descend(b, f, depth)
	}
	if err := d.scanner.scan(&d.value, depth); err != nil {
		return err
	}
	if n.element {
		return d.takeElement(f.columns)
	}
	return d.take(f.columns)
}

// descend reads a field that columns take parts of.
func (d *Decoder) descend(b *column.Block, f *field, depth int) error {
	s := &d.scanner
	switch c := s.next(); {
	case c == '{' && f.child != nil:
		start := s.pos
		if err := d.object(b, f.child, depth); err != nil {
			return err
		}
		d.value = column.Value{Kind: column.KindObject, Raw: s.buf[start:s.pos]}
		return d.take(f.columns)
	case c == '[' && f.nested != nil:
		return d.nested(b, f.nested, depth)
	}
	if err := s.scan(&d.value, depth); err != nil {
		return err
	}
	switch {
	case f.nested != nil:
		return d.rejected(f.nested.columns[0], fmt.Errorf("%w, in %s", column.WrongKind(&d.value, "an array of objects"), f.path))
	case d.value.Kind != column.KindNull:
		return d.rejected(f.child.leadsTo(), fmt.Errorf("%w, on the way to it in %s", column.WrongKind(&d.value, "an object"), f.path))
	}
	return d.take(f.columns)
}

// compute appends the values that are no part of the record.
func (d *Decoder) compute(index int) error {
	for _, i := range d.computed {
		from := d.sources[d.schema.Columns[i].Name]
		x, found, err := from.Compute(index)
		if err == nil && found {
			if err = Set(&d.value, x); err != nil {
				err = fmt.Errorf("%s: %w", from.Text, err)
			}
		}
		if err != nil {
			return &record.RowError{Column: d.schema.Columns[i].Name, Err: err}
		}
		if !found {
			continue
		}
		if err := d.takeOne(i); err != nil {
			return err
		}
		if from.OfRecord && d.value.Kind != column.KindNull {
			d.taken++
		}
	}
	return nil
}

// take appends the value at hand to columns.
func (d *Decoder) take(columns []int) error {
	for _, i := range columns {
		if err := d.takeOne(i); err != nil {
			return err
		}
	}
	return nil
}

func (d *Decoder) takeOne(i int) error {
	if err := d.see(i); err != nil {
		return err
	}
	if err := d.takers[i].Append(&d.value); err != nil {
		if d.nullAsDefault && d.value.Kind == column.KindNull {
			d.seen[i] = d.row - 1
			d.found--
			return nil
		}
		return d.rejected(i, err)
	}
	return nil
}

// see notes that the record has a column.
func (d *Decoder) see(i int) error {
	if d.seen[i] == d.row {
		return duplicate(d.schema.Columns[i].Name)
	}
	d.seen[i] = d.row
	d.found++
	return nil
}

// rejected says that a column does not take the value at hand.
func (d *Decoder) rejected(i int, err error) error {
	c := &d.schema.Columns[i]
	return &record.RowError{Column: c.Name, Type: c.Type, Value: shown(&d.value), Err: err}
}

func duplicate(name string) error {
	return &record.RowError{Column: record.Shorten([]byte(name)), Err: column.ErrDuplicate}
}

func shown(v *column.Value) string {
	if v.Kind == column.KindString {
		return `"` + record.Shorten(v.Raw) + `"`
	}
	return record.Shorten(v.Literal())
}
