package clickhouse

import (
	"maps"
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

	mu   sync.Mutex
	by   map[string]*guard
	held int // guards that are
}

// guard is what is known of one table.
type guard struct {
	quality
	told status.Repeats

	held int // by how many that wait for its verdict
}

// of returns the guard of a table. What is known of tables is forgotten when there are
// too many of them; not of those that rows wait for, whose guard has to hear of what is
// settled.
func (g *guards) of(table string) *guard {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.find(table)
}

// take is of for a guard that is kept until it is released.
func (g *guards) take(table string) *guard {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.find(table)
	if one.held++; one.held == 1 {
		g.held++
	}
	return one
}

func (g *guards) release(one *guard) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if one.held--; one.held == 0 {
		g.held--
	}
}

func (g *guards) find(table string) *guard {
	if found := g.by[table]; found != nil {
		return found
	}
	if g.by == nil {
		g.by = map[string]*guard{}
	}
	if len(g.by) >= mostGuards+g.held {
		maps.DeleteFunc(g.by, func(_ string, one *guard) bool { return one.held == 0 })
	}
	one := &guard{quality: quality{most: g.most}}
	g.by[table] = one
	return one
}
