package clickhouse

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

// A column with a default that only the server can work out is left out of the
// INSERT of the records that lack it: records that lack different sets of such
// columns are different blocks, and different inserts. Where these would be many, the
// records become one mixed block, and one INSERT, which has the server work out
// the defaults row by row: see server.Server.TryMixed. A server may refuse that.

const (
	// leastSets is how many inserts a stretch may be that leave columns out, and how
	// many blocks are made at once however many columns they have.
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

// mixing is what a server has said of mixed inserts.
type mixing struct {
	tried   bool
	refusal error
}

// division is how the records of a stretch become blocks.
type division struct {
	mixed   bool  // one block of all
	blocks  int   // so many end the stretch
	inserts int   // if they would be more, it is divided in another way
	refusal error // of mixed inserts, by the server
}

// apart is the division by what records lack. The rows of a promise are one insert.
func (s *sink) apart(known *column.Schema, c *chunk) division {
	if refusal := s.table.mixingFor(known).refusal; refusal != nil {
		return apartWhatever(known, c, refusal)
	}
	most := leastSets
	if len(c.promises) > 0 {
		most = 1
	}
	return division{blocks: most + 1, inserts: most}
}

// apartWhatever is the division by what records lack where the server refuses mixed
// inserts.
func apartWhatever(known *column.Schema, c *chunk, refusal error) division {
	d := division{blocks: mostSets(known), inserts: math.MaxInt, refusal: refusal}
	if len(c.promises) > 0 {
		d.blocks = math.MaxInt
	}
	return d
}

// together is the division where that by what records lack makes too many inserts.
// The server is asked once; about rights, which may be given, each time.
func (s *sink) together(ctx context.Context, known *column.Schema, c *chunk) (division, error) {
	m := s.table.mixingFor(known)
	if !m.tried {
		err := s.cluster.Do(ctx, func(ctx context.Context, r server.Server) (err error) {
			m.refusal, err = r.TryMixed(ctx, known, s.table.sql)
			return err
		})
		if err != nil {
			return division{}, err
		}
		m.tried = true
		if m.refusal == nil || server.Classify(m.refusal) != server.AccessFault {
			s.table.noteMixing(known, m)
		}
	}
	if m.refusal != nil {
		return apartWhatever(known, c, m.refusal), nil
	}
	return division{mixed: true, blocks: math.MaxInt, inserts: math.MaxInt}, nil
}

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
func (s *sink) tellSets(blocks []*column.Block, inserts int, refusal error) {
	if inserts < 2 {
		return
	}
	s.metrics.defaultInserts.Incr(int64(inserts-1), s.table.name)
	if len(blocks) < manySets || refusal == nil {
		return
	}
	repeats, tell := s.trouble.sets.Tell(setsEvery)
	if !tell {
		return
	}
	s.trouble.log.With("table", s.table.name, "inserts", len(blocks), "repeats", repeats).Warnf(
		"Records for table %q come in %d kinds, by which columns with defaults they lack, and each kind takes an insert of its own, since only the server can work these defaults out and it takes no INSERT of all kinds: %s. "+
			"Send these fields with every record, give the columns constant defaults, or leave them out by %s. The server says: %v", s.table.name, len(blocks), list(varying(blocks)), fieldColumns, s.cfg.redact(refusal))
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
