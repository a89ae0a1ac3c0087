package clickhouse

import (
	"slices"
	"strings"
)

// appendStrict appends to a builder; only builders that take nulls see one.
func appendStrict(b builder, v *value) error {
	if v.kind == kindNull {
		switch c := b.(type) {
		case *nullableColumn:
		case *lowCardinality:
			if !c.nullable {
				return errNull
			}
		default:
			return errNull
		}
	}
	return b.append(v)
}

// decoder turns JSON objects into rows. The rows of one batch may end up in
// several blocks: a column with a default on the server is left out of the
// INSERT for the records that lack its field, and only for those. The decoder
// is not safe for concurrent use.
type decoder struct {
	schema        *schema
	rejectUnknown bool
	newBlock      func() (*block, error)

	blocks  []*block
	current int

	row     int
	seen    []int // per column, the last row that had its field, plus one
	missing []bool
	guess   []member // the fields of the record before, in their order

	ignored  map[string]struct{} // names of fields that are no column, as far as they are remembered
	stranger bool                // one of them was new since the last release

	scanner scanner
	value   value
}

// member is a field's name and the column it belongs to, -1 if none.
type member struct {
	name   string
	column int
	plain  bool // the name was written without escapes, and may be looked for as it is
}

func newDecoder(s *schema, rejectUnknown bool, newBlock func() (*block, error)) *decoder {
	return &decoder{
		schema:        s,
		rejectUnknown: rejectUnknown,
		newBlock:      newBlock,
		seen:          make([]int, len(s.columns)),
		missing:       make([]bool, len(s.columns)),
	}
}

// add decodes one record, which came as message index of its batch. A
// *rowError says that the record does not fit, and leaves no trace in any
// block; any other error that the table cannot be decoded for at all.
func (d *decoder) add(record []byte, index int) error {
	if len(d.blocks) == 0 {
		if _, err := d.open(); err != nil {
			return err
		}
	}
	b := d.blocks[d.current]
	if err := d.decode(record, b); err != nil {
		return err
	}
	if slices.Equal(d.missing, b.absent) {
		d.finish(b, index)
		return nil
	}
	d.rollBack(b)
	return d.addElsewhere(record, index)
}

// addElsewhere adds a record that lacks other fields than the current block's
// rows do. Its block becomes the current one: records of one kind tend to
// come together.
func (d *decoder) addElsewhere(record []byte, index int) error {
	if !slices.Contains(d.missing, false) && len(d.missing) > 0 {
		return &rowError{err: errNoColumn}
	}
	d.current = slices.IndexFunc(d.blocks, func(b *block) bool { return slices.Equal(b.absent, d.missing) })
	if d.current < 0 {
		b, err := d.open()
		if err != nil {
			return err
		}
		copy(b.absent, d.missing)
	}
	b := d.blocks[d.current]
	if err := d.decode(record, b); err != nil {
		return err
	}
	d.finish(b, index)
	return nil
}

func (d *decoder) open() (*block, error) {
	b, err := d.newBlock()
	if err != nil {
		return nil, err
	}
	b.reset()
	clear(b.absent)
	d.blocks = append(d.blocks, b)
	d.current = len(d.blocks) - 1
	return b, nil
}

// finish accepts the row that decode has appended.
func (d *decoder) finish(b *block, index int) { b.rows = append(b.rows, index) }

// rollBack takes the row that decode has begun out of every column.
func (d *decoder) rollBack(b *block) {
	n := len(b.rows)
	for _, c := range b.builders {
		if c.len() > n {
			c.truncate(n)
		}
	}
}

// decode appends one record to the block's builders and notes in missing which
// columns with a default it lacks. On error the block is as it was.
func (d *decoder) decode(record []byte, b *block) error {
	d.row++
	d.scanner = scanner{buf: record}
	found, err := d.members(b)
	if err == nil {
		err = d.scanner.end()
	}
	if err != nil {
		d.rollBack(b)
		return asRowError(err)
	}
	if found < len(b.builders) {
		d.fill(b)
	} else {
		clear(d.missing)
	}
	return nil
}

func asRowError(err error) error {
	if e, ok := err.(*rowError); ok { //nolint:errorlint // made here, never wrapped
		return e
	}
	return &rowError{err: err}
}

// members appends the fields of the record that are columns and returns how
// many there were.
func (d *decoder) members(b *block) (found int, err error) {
	s := &d.scanner
	if err := s.expect('{', "an object"); err != nil {
		return 0, err
	}
	if s.next() == '}' {
		s.pos++
		return 0, nil
	}
	for at := 0; ; at++ {
		column, err := d.field(at)
		if err != nil {
			return 0, err
		}
		if err := s.scan(&d.value, 1); err != nil {
			return 0, err
		}
		if column >= 0 {
			if err := d.put(b, column); err != nil {
				return 0, err
			}
			found++
		}
		switch s.next() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			return found, nil
		default:
			return 0, s.fail("a comma or the end of the object")
		}
	}
}

// field reads the name of the at-th field and returns its column, -1 if it is
// none. Records of one stream have their fields in one order, so that a
// comparison with the name found there before is all it takes.
func (d *decoder) field(at int) (int, error) {
	if at < len(d.guess) && d.guess[at].plain && d.scanner.isKey(d.guess[at].name) {
		return d.guess[at].column, nil
	}
	if err := d.scanner.key(&d.value); err != nil {
		return 0, err
	}
	name := d.value.text()
	column, ok := d.schema.index[name]
	if !ok {
		if d.schema.lost[name] {
			return 0, &rowError{column: name, err: errLost}
		}
		if d.rejectUnknown {
			return 0, &rowError{column: shorten([]byte(name)), err: errUnknown}
		}
		d.ignore(name)
		column = -1
	}
	d.remember(at, member{name: name, column: column, plain: !d.value.escaped})
	return column, nil
}

// ignore notes a field that is no column. A new one may mean that the table
// has a new column; of too many names nothing follows.
func (d *decoder) ignore(name string) {
	if _, known := d.ignored[name]; known || len(d.ignored) >= mostNames {
		return
	}
	if d.ignored == nil {
		d.ignored = map[string]struct{}{}
	}
	d.ignored[strings.Clone(name)] = struct{}{}
	d.stranger = true
}

// mostNames bounds what is remembered of the names in records.
const mostNames = 1024

// remember keeps a field's name for the next record; a name that is no
// column's is copied, since it aliases the record.
func (d *decoder) remember(at int, m member) {
	if m.column >= 0 {
		m.name = d.schema.columns[m.column].name
	} else {
		m.name = strings.Clone(m.name)
	}
	switch {
	case at < len(d.guess):
		d.guess[at] = m
	case at == len(d.guess) && at < mostNames:
		d.guess = append(d.guess, m)
	}
}

// put appends the scanned value to its column.
func (d *decoder) put(b *block, column int) error {
	c := &d.schema.columns[column]
	if d.seen[column] == d.row {
		return &rowError{column: c.name, err: errDuplicate}
	}
	d.seen[column] = d.row
	if err := appendStrict(b.builders[column], &d.value); err != nil {
		return &rowError{column: c.name, columnType: c.typ, value: shown(&d.value), err: err}
	}
	return nil
}

func shown(v *value) string {
	if v.kind == kindString {
		return `"` + shorten(v.raw) + `"`
	}
	return shorten(v.raw)
}

// fill completes the row with what stands for missing fields.
func (d *decoder) fill(b *block) {
	for i, c := range b.builders {
		absent := d.seen[i] != d.row
		d.missing[i] = absent && d.schema.columns[i].hasDefault
		if absent {
			c.zero()
		}
	}
}

// release forgets the blocks that were handed out and the last record.
func (d *decoder) release() {
	d.blocks = nil
	d.current = 0
	d.stranger = false
	d.scanner, d.value = scanner{}, value{}
}
