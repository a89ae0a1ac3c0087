package nats

import (
	"container/list"

	"github.com/nats-io/nats.go"
)

// keptCost is what a kept message takes beside its own bytes: its structs, its
// place in the list and in the map.
const keptCost = 512

// conflation keeps the newest message of each key, in the order in which these
// arrived. Beyond its bounds the oldest go: of what a market said, the newest
// is worth most. It belongs to a hold, whose lock guards it.
type conflation struct {
	key      keyFunc // nil: the subject is the key
	maxKeys  int
	maxBytes int

	byKey map[string]*list.Element
	order list.List // of kept, the oldest first
	bytes int       // what the messages take, keptCost included
}

type kept struct {
	key string
	msg *nats.Msg
}

func (k kept) cost() int { return len(k.key) + k.msg.Size() + keptCost }

// newConflation returns nil where nothing is to be conflated.
func newConflation(c conflateConfig, key keyFunc) *conflation {
	if !c.enabled {
		return nil
	}
	return &conflation{key: key, maxKeys: c.maxKeys, maxBytes: c.maxBytes, byKey: map[string]*list.Element{}}
}

// len is how many messages are kept; none by a nil conflation.
func (c *conflation) len() int {
	if c == nil {
		return 0
	}
	return len(c.byKey)
}

// put keeps m as the newest of its key, and says what that cost: superseded
// tells whether the one before it went, evicted how many did for want of room.
// A message that alone is beyond the bound in bytes is evicted itself, and
// takes no other with it.
func (c *conflation) put(key string, m *nats.Msg) (superseded bool, evicted int64) {
	k := kept{key: key, msg: m}
	if k.cost() > c.maxBytes {
		return false, 1
	}
	if old, ok := c.byKey[key]; ok {
		c.remove(old)
		superseded = true
	}
	c.byKey[key] = c.order.PushBack(k)
	c.bytes += k.cost()
	for len(c.byKey) > c.maxKeys || c.bytes > c.maxBytes {
		c.remove(c.order.Front())
		evicted++
	}
	return superseded, evicted
}

func (c *conflation) remove(e *list.Element) *nats.Msg {
	k := c.order.Remove(e).(kept)
	delete(c.byKey, k.key)
	c.bytes -= k.cost()
	return k.msg
}

// take moves the oldest messages to msgs: until it has count of them, or the
// next would bring them beyond bytes. It takes at least one, if there is any.
func (c *conflation) take(msgs []*nats.Msg, count, bytes int) []*nats.Msg {
	for size := 0; c.len() > 0 && len(msgs) < count; {
		size += c.order.Front().Value.(kept).msg.Size()
		if len(msgs) > 0 && size > bytes {
			break
		}
		msgs = append(msgs, c.remove(c.order.Front()))
	}
	if c.len() == 0 {
		c.byKey = map[string]*list.Element{} // a map never shrinks
	}
	return msgs
}

// clear lets go of everything.
func (c *conflation) clear() {
	if c != nil {
		clear(c.byKey)
		c.order.Init()
		c.bytes = 0
	}
}
