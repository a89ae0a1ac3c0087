package clickhouse

import "fmt"

// record reads one record and appends to the block what columns take of it.
func (d *decoder) record(b *block) error {
	s := &d.scanner
	if s.next() != '{' {
		return s.fail("an object")
	}
	start := s.pos
	if err := d.object(b, d.root, 0); err != nil {
		return err
	}
	if len(d.root.columns) > 0 {
		d.value = value{kind: kindObject, raw: s.buf[start:s.pos]}
		if err := d.take(b, d.root.columns); err != nil {
			return err
		}
	}
	return s.end()
}

// object reads an object that is at the given depth; the scanner stands at its
// brace.
func (d *decoder) object(b *block, n *node, depth int) error {
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
func (d *decoder) field(n *node, guess *field) (*field, error) {
	if guess != nil && d.scanner.isKey(guess.quoted) {
		return guess, nil
	}
	if err := d.scanner.key(&d.value); err != nil {
		return nil, err
	}
	name := d.value.text()
	if f, ok := n.fields[name]; ok {
		return f, nil
	}
	return d.unknown(n, name)
}

// unknown is a name that comes for the first time and that nothing is taken
// of. It may be that of a column which the table has got since.
func (d *decoder) unknown(n *node, name string) (*field, error) {
	switch {
	case n.whole:
	case d.schema.lost[n.prefix+name]:
		return nil, &rowError{column: n.prefix + name, err: errLost}
	case d.rejectUnknown:
		return nil, &rowError{column: shorten([]byte(n.prefix + name)), err: errUnknown}
	}
	f := n.learn(name)
	d.stranger = d.stranger || f != nil && d.sources == nil
	return f, nil
}

// member reads the value of a field; nil is one that there was no room for.
func (d *decoder) member(b *block, n *node, f *field, depth int) error {
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
		return d.takeElement(b, f.columns)
	}
	return d.take(b, f.columns)
}

// descend reads a field that columns take parts of.
func (d *decoder) descend(b *block, f *field, depth int) error {
	s := &d.scanner
	switch c := s.next(); {
	case c == '{' && f.child != nil:
		start := s.pos
		if err := d.object(b, f.child, depth); err != nil {
			return err
		}
		d.value = value{kind: kindObject, raw: s.buf[start:s.pos]}
		return d.take(b, f.columns)
	case c == '[' && f.nested != nil:
		return d.nested(b, f.nested, depth)
	}
	if err := s.scan(&d.value, depth); err != nil {
		return err
	}
	switch {
	case f.nested != nil:
		return d.rejected(f.nested.columns[0], fmt.Errorf("%w, in %s", wrongKind(&d.value, "an array of objects"), f.path))
	case d.value.kind != kindNull:
		return d.rejected(f.child.leadsTo(), fmt.Errorf("%w, on the way to it in %s", wrongKind(&d.value, "an object"), f.path))
	}
	return d.take(b, f.columns)
}

// compute appends the values that are no part of the record.
func (d *decoder) compute(b *block, index int) error {
	for _, i := range d.computed {
		from := d.sources[d.schema.columns[i].name]
		text, found, err := from.compute(d.records[index], &d.value, b.text)
		if err != nil {
			return &rowError{column: d.schema.columns[i].name, err: err}
		}
		if !found {
			continue
		}
		if err := d.takeOne(b, i); err != nil {
			return err
		}
		if d.value.kind != kindNumber { // no column keeps the text of a number
			b.text = text
		}
	}
	return nil
}

// take appends the value at hand to columns.
func (d *decoder) take(b *block, columns []int) error {
	for _, i := range columns {
		if err := d.takeOne(b, i); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) takeOne(b *block, column int) error {
	if err := d.see(column); err != nil {
		return err
	}
	if err := appendStrict(b.builders[column], &d.value); err != nil {
		return d.rejected(column, err)
	}
	return nil
}

// see notes that the record has a column.
func (d *decoder) see(column int) error {
	if d.seen[column] == d.row {
		return duplicate(d.schema.columns[column].name)
	}
	d.seen[column] = d.row
	d.found++
	return nil
}

// rejected says that a column does not take the value at hand.
func (d *decoder) rejected(column int, err error) error {
	c := &d.schema.columns[column]
	return &rowError{column: c.name, columnType: c.typ, value: shown(&d.value), err: err}
}

func duplicate(name string) error {
	return &rowError{column: shorten([]byte(name)), err: errDuplicate}
}

func shown(v *value) string {
	if v.kind == kindString {
		return `"` + shorten(v.raw) + `"`
	}
	return shorten(v.raw)
}
