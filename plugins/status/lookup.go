package status

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	// Lint rules are parsed when a plugin's spec is built, in its init. Every
	// plugin imports this package, so that the Bloblang methods which its rules
	// use are registered by then.
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

type boardKey struct{ stream, name string }

type boardsKey struct{}

// boards are those of a process (of one resource manager).
type boards struct {
	mu    sync.Mutex
	all   map[boardKey]*Board
	stops atomic.Int64 // what stops have cost, of boards that are forgotten too
}

func boardsOf(res *service.Resources) *boards {
	b, _ := res.GetOrSetGeneric(boardsKey{}, &boards{all: map[boardKey]*Board{}})
	return b.(*boards)
}

type serversKey struct{}

// Of returns the board of the component's stream, making it on first use. The
// name has the meaning that it has for the gate.
func Of(res *service.Resources, name string) *Board {
	key := boardKey{stream: res.StreamID(), name: name}
	if name != "" {
		key.stream = ""
	}
	all := boardsOf(res)
	all.mu.Lock()
	defer all.mu.Unlock()
	b := all.all[key]
	if b == nil {
		b = newBoard(key.stream+name, &all.stops)
		all.all[key] = b
	}
	return b
}

// Boards returns all boards of the process, in no order.
func Boards(res *service.Resources) []*Board {
	all := boardsOf(res)
	all.mu.Lock()
	defer all.mu.Unlock()
	return slices.Collect(maps.Values(all.all))
}

// Forget drops the board of a stream that is gone: the next one of its name begins
// with a new board.
func Forget(res *service.Resources, b *Board) {
	all := boardsOf(res)
	all.mu.Lock()
	defer all.mu.Unlock()
	maps.DeleteFunc(all.all, func(_ boardKey, o *Board) bool { return o == b })
}

// ServersOf returns the status listeners that all streams of the process share.
func ServersOf(res *service.Resources) *Servers {
	s, _ := res.GetOrSetGeneric(serversKey{}, NewServers())
	return s.(*Servers)
}

// LabelOf returns the label of a component, or its path in the config where it
// has none.
func LabelOf(res *service.Resources) string {
	if l := res.Label(); l != "" {
		return l
	}
	return strings.Join(res.Path(), ".")
}
