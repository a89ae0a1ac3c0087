package status

import (
	"strings"

	// Lint rules are parsed when a plugin's spec is built, in its init. Every
	// plugin imports this package, so that the Bloblang methods which its rules
	// use are registered by then.
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

type boardKey struct{ stream, name string }

type serversKey struct{}

// Of returns the board of the component's stream, making it on first use. The
// name has the meaning that it has for the gate.
func Of(res *service.Resources, name string) *Board {
	key := boardKey{stream: res.StreamID(), name: name}
	if name != "" {
		key.stream = ""
	}
	b, _ := res.GetOrSetGeneric(key, NewBoard(key.stream+name))
	return b.(*Board)
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
