package clickhouse

import (
	"sync"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// mostGuards bounds how many tables are judged apart: their names are made of data.
const mostGuards = 1000

// guards judge the rows that are bad before anything of them is sent, by table: those
// that a processor has failed at, and, under the name "", those whose table cannot be
// told, among all rows. It is safe for concurrent use.
type guards struct {
	most float64 // of quality

	mu sync.Mutex
	by map[string]*guard
}

// guard is what is known of one table.
type guard struct {
	quality
	told status.Repeats
}

// of returns the guard of a table. What is known of tables is forgotten when there are
// too many of them.
func (g *guards) of(table string) *guard {
	g.mu.Lock()
	defer g.mu.Unlock()
	if found := g.by[table]; found != nil {
		return found
	}
	if g.by == nil || len(g.by) >= mostGuards {
		g.by = map[string]*guard{}
	}
	one := &guard{quality: quality{most: g.most}}
	g.by[table] = one
	return one
}
