package clickhouse

import (
	"strings"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// A column with a default that only the server can work out is left out of the
// INSERT of the records that lack it: records that lack different sets of such
// columns are different blocks, and different inserts.

const (
	// leastSets is how many blocks are made at once however many columns they have.
	leastSets = 8
	// emptyColumn is what a column with few values takes, about, and emptyDictionary
	// one with a dictionary.
	emptyColumn     = 512
	emptyDictionary = 8 << 10
	// manySets is how many inserts of a stretch are worth a word, and setsEvery how
	// often.
	manySets  = 16
	setsEvery = 10 * time.Minute
)

// mostSets is how many blocks are made at once: beyond it, those that there are
// leave first. Like the stretch, it depends on the table alone.
func mostSets(known *column.Schema) int {
	size := 1
	for _, c := range known.Columns {
		if strings.Contains(c.Type, "LowCardinality") {
			size += emptyDictionary
		} else {
			size += emptyColumn
		}
	}
	return max(leastSets, blockMemory/size)
}

// tellSets counts the inserts that are made only for such defaults, and warns of
// them where they are many.
func (s *sink) tellSets(blocks []*column.Block) {
	if len(blocks) < 2 {
		return
	}
	s.metrics.defaultInserts.Incr(int64(len(blocks)-1), s.table.name)
	if len(blocks) < manySets {
		return
	}
	repeats, tell := s.trouble.sets.Tell(setsEvery)
	if !tell {
		return
	}
	s.trouble.log.With("table", s.table.name, "inserts", len(blocks), "repeats", repeats).Warnf(
		"Records for table %q come in %d kinds, by which columns with defaults they lack, and each kind takes an insert of its own, since only the server can work these defaults out: %s. "+
			"Send these fields with every record, give the columns constant defaults, or leave them out by %s", s.table.name, len(blocks), list(varying(blocks)), fieldColumns)
}

// varying are the names of the columns that some blocks have and others do not.
func varying(blocks []*column.Block) (names []string) {
	for i, c := range blocks[0].Schema.Columns {
		for _, b := range blocks {
			if b.Absent[i] != blocks[0].Absent[i] {
				names = append(names, c.Name)
				break
			}
		}
	}
	return names
}
