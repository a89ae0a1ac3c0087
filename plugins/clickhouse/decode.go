package clickhouse

import (
	"slices"
)

// nullTaker is a builder that null can be appended to.
type nullTaker interface{ takesNull() }

// appendStrict appends to a builder; only builders that take nulls see one.
func appendStrict(b builder, v *value) error {
	if v.kind == kindNull {
		if low, ok := b.(*lowCardinality); ok && !low.nullable {
			return errNull
		}
		if _, ok := b.(nullTaker); !ok {
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
	sources       map[string]source
	rejectUnknown bool
	newBlock      func() (*block, error)
	records       []record // for what is computed of them

	root     *node
	computed []int // columns whose values are no part of the record

	blocks  []*block
	current int

	row     int
	seen    []int // per column, the last row that had its field, plus one
	found   int   // columns of the row at hand
	missing []bool
	stamp   int // of the last object that was begun

	stranger bool // the name of a field was new that nothing is taken of, since the last release

	scanner scanner
	value   value
}

func newDecoder(s *schema, sources map[string]source, rejectUnknown bool, newBlock func() (*block, error)) *decoder {
	d := &decoder{
		schema:        s,
		sources:       sources,
		rejectUnknown: rejectUnknown,
		newBlock:      newBlock,
		seen:          make([]int, len(s.columns)),
		missing:       make([]bool, len(s.columns)),
	}
	d.root, d.computed = s.plan(sources)
	return d
}

// add decodes one record, the one of that index. A
// *rowError says that the record does not fit, and leaves no trace in any
// block; any other error that the table cannot be decoded for at all.
func (d *decoder) add(record []byte, index int) error {
	if len(d.blocks) == 0 {
		if _, err := d.open(); err != nil {
			return err
		}
	}
	b := d.blocks[d.current]
	if err := d.decode(record, b, index); err != nil {
		return err
	}
	if slices.Equal(d.missing, b.absent) {
		d.finish(b, record, index)
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
	if err := d.decode(record, b, index); err != nil {
		return err
	}
	d.finish(b, record, index)
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
func (d *decoder) finish(b *block, record []byte, index int) {
	b.rows = append(b.rows, index)
	b.weight += len(record)
}

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
func (d *decoder) decode(record []byte, b *block, index int) error {
	d.row++
	d.found = 0
	d.scanner.begin(record)
	err := d.record(b)
	if err == nil && len(d.computed) > 0 {
		err = d.compute(b, index)
	}
	if err != nil {
		d.rollBack(b)
		return asRowError(err)
	}
	if d.found < len(b.builders) {
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
	d.scanner, d.value, d.records = scanner{}, value{}, nil
}
