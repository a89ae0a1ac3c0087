// Package record turns records into rows: what all formats of records share. A
// format is a package below this one, such as json, whose reader fills the
// blocks of package column.
//
// It knows columns, and neither Benthos nor ClickHouse's servers.
package record

import "github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"

// Decoder is the reader of one format for one table: it turns records into
// rows. The rows may end up in several blocks: a column with a default on the
// server is left out of the INSERT for the records that lack its field, and
// only for those; unless they are mixed. It is not safe for concurrent use.
type Decoder interface {
	// Add decodes one record; index is what its row will be known by. A *RowError
	// says that the record does not fit, and leaves no trace in any block; any
	// other error, that the table cannot be decoded for at all. The record must
	// not change as long as its block is in use.
	Add(record []byte, index int) error
	// Mix makes one block of the records up to the next Release, whichever columns they
	// lack: a mixed one. No record was added since the last.
	Mix()
	// Blocks are the blocks that were filled since the last Release.
	Blocks() []*column.Block
	// Stranger reports whether a field came, for the first time, that nothing is
	// taken of: it may be that of a column which the table has got since.
	Stranger() bool
	// Hollow is how many records were added since the last Release though no column
	// takes anything of them.
	Hollow() int
	// Size is the memory that the blocks hold, in bytes, without the records.
	Size() int
	// Release forgets the blocks, which the caller keeps, and the records.
	Release()
}
