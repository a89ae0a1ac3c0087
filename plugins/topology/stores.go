package topology

import "slices"

// Store is a clickhouse output of a configuration.
type Store struct {
	// Path is where it stands, such as output.broker.outputs.0.
	Path string
	// Label is its own; empty if it has none.
	Label string
	// Conf is what stands behind its name.
	Conf any
}

// Stores are the clickhouse outputs that the stream's output is made of: itself, or
// those within brokers, switches, fallbacks and the like, and the resources that they
// name. What templates are made of is not seen.
func (t *Topology) Stores() (stores []Store) {
	if t == nil || t.tree == nil {
		return nil
	}
	t.tree.within(t.tree.output, func(n *node, _ []*node) {
		if n.name == clickhouse && !slices.ContainsFunc(stores, func(s Store) bool { return s.Path == n.path }) {
			stores = append(stores, Store{Path: n.path, Label: n.label, Conf: n.conf})
		}
	})
	return stores
}
