package clickhouse

import "github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"

// segment is a run of rows of one block, sent by one INSERT. Every attempt
// sends the same rows in the same order, under the same token.
type segment struct {
	block    *column.Block
	from, to int
	token    string // names the rows for deduplication; "" until the first attempt
}

// records returns the indexes of the records that the rows were.
func (s segment) records() []int { return s.block.Rows[s.from:s.to] }

// part is the segment as a server takes it.
func (s segment) part() column.Part { return column.Part{Block: s.block, From: s.from, To: s.to} }

// halves splits a segment of two rows or more.
func (s segment) halves() (first, second segment) {
	middle := s.from + (s.to-s.from)/2
	return segment{block: s.block, from: s.from, to: middle}, segment{block: s.block, from: middle, to: s.to}
}
