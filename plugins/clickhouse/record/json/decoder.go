package json

import (
	"slices"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
)

// Config is what a Decoder is made of.
type Config struct {
	Schema *column.Schema
	// Sources tell where the values of columns come from. Without any, each
	// column has the field of its name.
	Sources map[string]record.Source
	// Known are the paths of fields that something else than columns takes, which are
	// not unknown; an empty one is that of the record as a whole.
	Known [][]string
	// RejectMissing makes the lack of a field an error of the row where the column
	// has neither a default nor null, so that a zero would be made up for it.
	RejectMissing bool
	// NullAsDefault makes null in a column that does not take it as good as no field
	// at all, as ClickHouse's setting input_format_null_as_default does.
	NullAsDefault bool
	// RejectUnknown makes fields that are no column's errors of their row.
	RejectUnknown bool
	// NewBlock returns a block of the schema, with whatever it had last.
	NewBlock func() (*column.Block, error)
}

// Decoder turns JSON objects into rows: the record.Decoder of JSON.
type Decoder struct {
	schema        *column.Schema
	sources       map[string]record.Source
	rejectUnknown bool
	rejectMissing bool
	nullAsDefault bool
	newBlock      func() (*column.Block, error)

	root     *node
	computed []int          // columns whose values are no part of the record
	defaults []column.Value // by column, of those whose default is known
	groups   [][]int        // of columns whose arrays have to be of one length

	blocks  []*column.Block
	current int
	mixed   bool    // there is one block, whatever its rows lack
	takers  []taker // of the block that is filled

	row     int
	seen    []int // per column, the last row that had its field, plus one
	found   int   // columns of the row at hand
	taken   int   // columns that have a value of the record itself
	missing []bool
	hollow  int // records since the last release that no column took anything of
	stamp   int // of the last object that was begun

	stranger bool // the name of a field was new that nothing is taken of, since the last release

	scanner scanner
	value   column.Value
}

var _ record.Decoder = (*Decoder)(nil)

// NewDecoder returns a decoder for a schema.
func NewDecoder(c Config) *Decoder {
	d := &Decoder{
		schema:        c.Schema,
		sources:       c.Sources,
		rejectUnknown: c.RejectUnknown,
		rejectMissing: c.RejectMissing,
		nullAsDefault: c.NullAsDefault,
		newBlock:      c.NewBlock,
		seen:          make([]int, len(c.Schema.Columns)),
		missing:       make([]bool, len(c.Schema.Columns)),
	}
	d.root, d.computed = plan(c.Schema, c.Sources)
	for _, path := range c.Known {
		d.root.know(path)
	}
	d.groups = nestedGroups(c.Schema)
	d.defaults = defaultsOf(c.Schema)
	return d
}

// Schema is what the decoder was made for.
func (d *Decoder) Schema() *column.Schema { return d.schema }

// Blocks implements record.Decoder.
func (d *Decoder) Blocks() []*column.Block { return d.blocks }

// Mix implements record.Decoder.
func (d *Decoder) Mix() { d.mixed = true }

// Stranger implements record.Decoder.
func (d *Decoder) Stranger() bool { return d.stranger }

// Seen reports whether any record had a column's value.
func (d *Decoder) Seen(column int) bool { return d.seen[column] > 0 }

// Unused returns the paths of the fields, as far as they are remembered, that no
// column takes.
func (d *Decoder) Unused() []string { return d.root.unused() }

// Hollow is how many records were added since the last Release though no column
// takes anything of them: their rows consist of zeros, nulls and defaults, which
// is hardly ever meant.
func (d *Decoder) Hollow() int { return d.hollow }

// Size is the memory that the blocks since the last Release hold, in bytes, without
// the records. It takes the time of a visit to each column.
func (d *Decoder) Size() (size int) {
	for _, b := range d.blocks {
		size += b.Size()
	}
	return size
}

// Add implements record.Decoder.
func (d *Decoder) Add(text []byte, index int) error {
	if len(d.blocks) == 0 {
		if _, err := d.open(); err != nil {
			return err
		}
	}
	b := d.blocks[d.current]
	if err := d.decode(text, b, index); err != nil {
		return err
	}
	if d.mixed {
		if err := d.something(); err != nil {
			d.rollBack(b)
			return err
		}
		b.Lack(d.missing)
		d.finish(b, text, index)
		return nil
	}
	if b.Len() == 0 && slices.Contains(d.missing, false) {
		copy(b.Absent, d.missing) // the block is for records like the first
	}
	if slices.Equal(d.missing, b.Absent) {
		d.finish(b, text, index)
		return nil
	}
	d.rollBack(b)
	return d.addElsewhere(text, index)
}

// addElsewhere adds a record that lacks other fields than the current block's
// rows do. Its block becomes the current one: records of one kind tend to
// come together.
func (d *Decoder) addElsewhere(text []byte, index int) error {
	if err := d.something(); err != nil {
		return err
	}
	d.current = slices.IndexFunc(d.blocks, func(b *column.Block) bool { return slices.Equal(b.Absent, d.missing) })
	if d.current < 0 {
		b, err := d.open()
		if err != nil {
			return err
		}
		copy(b.Absent, d.missing)
	}
	b := d.blocks[d.current]
	if err := d.decode(text, b, index); err != nil {
		return err
	}
	d.finish(b, text, index)
	return nil
}

// something refuses a row that an INSERT could name no column of.
func (d *Decoder) something() error {
	if !slices.Contains(d.missing, false) && len(d.missing) > 0 {
		return &record.RowError{Err: record.ErrDefaultsAlone}
	}
	return nil
}

func (d *Decoder) open() (*column.Block, error) {
	b, err := d.newBlock()
	if err != nil {
		return nil, err
	}
	b.Reset()
	takersOf(b, d.rejectMissing)
	clear(b.Absent)
	if d.mixed {
		b.Mix()
	}
	d.blocks = append(d.blocks, b)
	d.current = len(d.blocks) - 1
	return b, nil
}

// finish accepts the row that decode has appended.
func (d *Decoder) finish(b *column.Block, text []byte, index int) {
	b.Rows = append(b.Rows, index)
	b.Weight += len(text)
	if d.taken == 0 {
		d.hollow++
	}
}

// rollBack takes the row that decode has begun out of every column.
func (d *Decoder) rollBack(b *column.Block) {
	n := len(b.Rows)
	for _, c := range b.Columns {
		if c.Len() > n {
			c.Truncate(n)
		}
	}
}

// decode appends one record to the block's builders and notes in missing which
// columns with a default it lacks. On error the block is as it was.
func (d *Decoder) decode(text []byte, b *column.Block, index int) error {
	d.row++
	d.found = 0
	d.takers = b.Reader.(*takers).all
	d.scanner.begin(text)
	err := d.record(b)
	d.taken = d.found
	if len(d.computed) == len(d.schema.Columns) {
		d.taken = len(d.computed) // nothing is to be taken of the record
	}
	if err == nil && len(d.computed) > 0 {
		err = d.compute(index)
	}
	if err == nil {
		err = d.fill(b)
	}
	if err == nil && len(d.groups) > 0 {
		err = d.even(b)
	}
	if err != nil {
		d.rollBack(b)
		return asRowError(err)
	}
	return nil
}

func asRowError(err error) error {
	if e, ok := err.(*record.RowError); ok { //nolint:errorlint // made here, never wrapped
		return e
	}
	return &record.RowError{Err: err}
}

// fill completes the row with what stands for missing fields.
func (d *Decoder) fill(b *column.Block) error {
	if d.found == len(b.Columns) {
		clear(d.missing)
		return nil
	}
	if d.rejectMissing && d.taken == 0 {
		return &record.RowError{Err: record.ErrNoColumn}
	}
	for i, c := range b.Columns {
		d.missing[i] = false
		if d.seen[i] == d.row {
			continue
		}
		if d.defaults[i].Raw != nil {
			if d.takers[i].Append(&d.defaults[i]) == nil {
				continue
			}
			d.defaults[i].Raw = nil // the server's word for it is none of ours
		}
		d.missing[i] = d.schema.Columns[i].HasDefault
		if d.rejectMissing && !d.missing[i] && !column.ZeroIsNull(c) {
			return &record.RowError{Column: d.schema.Columns[i].Name, Err: record.ErrMissing}
		}
		c.Zero()
	}
	return nil
}

// defaultsOf reads the defaults that are known.
func defaultsOf(s *column.Schema) []column.Value {
	defaults := make([]column.Value, len(s.Columns))
	for i, c := range s.Columns {
		if !c.HasDefault || c.Default == "" {
			continue
		}
		sc := scanner{buf: []byte(c.Default)}
		if sc.scan(&defaults[i], 0) != nil || sc.end() != nil {
			defaults[i] = column.Value{}
		}
	}
	return defaults
}

// Release implements record.Decoder.
func (d *Decoder) Release() {
	for _, b := range d.blocks {
		b.Reader.(*takers).release()
	}
	d.blocks, d.takers = nil, nil
	d.current, d.mixed = 0, false
	d.stranger, d.hollow = false, 0
	d.scanner, d.value = scanner{}, column.Value{}
}
