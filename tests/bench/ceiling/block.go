package main

import "context"

// block is the rows of one insert in the form that a client sends. It is used
// by one goroutine at a time.
type block interface {
	// take reads all records of one message.
	take(message []byte) error
	rows() int
	insert(ctx context.Context) error
	reset()
}

// ticks reads ticks into a block.
type ticks struct {
	scanner scanner
	row     row
}

func (t *ticks) into(add func(*row), message []byte) (err error) {
	for len(message) > 0 {
		if message, err = t.scanner.scan(message, &t.row); err != nil {
			return err
		}
		add(&t.row)
	}
	return nil
}

// names gives every distinct text a number from 0, as a dictionary of a
// LowCardinality column does.
type names struct {
	index map[string]uint8
	list  []string
}

// of is the number of a text. There are few of them: fewer than 256.
func (n *names) of(text []byte) uint8 {
	if i, ok := n.index[string(text)]; ok { // does not allocate
		return i
	}
	if n.index == nil {
		n.index = map[string]uint8{}
	}
	i := uint8(len(n.list))
	n.list = append(n.list, string(text))
	n.index[n.list[i]] = i
	return i
}
