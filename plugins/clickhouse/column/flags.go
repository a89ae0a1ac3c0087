package column

import "bytes"

// Flags is a column of type UInt8 that says yes or no of each row.
type Flags struct{ Fixed[uint8] }

var _ Column = (*Flags)(nil)

// Add adds a row.
func (f *Flags) Add(yes bool) {
	var v uint8
	if yes {
		v = 1
	}
	f.values = append(f.values, v)
}

// presence tells how many of the rows are flagged.
func (f *Flags) presence(from, to int) Presence {
	rows := f.values[from:to]
	switch {
	case bytes.IndexByte(rows, 0) < 0:
		return EveryRow
	case bytes.IndexByte(rows, 1) < 0:
		return NoRow
	}
	return SomeRows
}
