package status

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// mostConnections bounds how many connections a listener holds: each takes one of the
// files that the process may open, of which its sources and the store need some.
const mostConnections = 64

// bounded is a listener that holds so many connections at most. A further one costs
// the one that has been without a request for the longest, or, when all are being
// answered, the one whose answer began first: whoever comes is let in.
type bounded struct {
	net.Listener
	most int

	mu   sync.Mutex
	open map[*connection]struct{}
	turn int64
}

// connection is one that is held. Its fields belong to the listener's lock.
type connection struct {
	net.Conn
	of *bounded

	turn      int64 // of its last change
	answering bool
}

func bound(l net.Listener, most int) *bounded {
	return &bounded{Listener: l, most: most, open: map[*connection]struct{}{}}
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	c, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	taken := &connection{Conn: c, of: b}
	if victim := b.add(taken); victim != nil {
		_ = victim.Close()
	}
	return taken, nil
}

func (b *bounded) add(c *connection) (victim *connection) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.open) >= b.most {
		for other := range b.open {
			if victim == nil || other.before(victim) {
				victim = other
			}
		}
		delete(b.open, victim)
	}
	b.turn++
	c.turn = b.turn
	b.open[c] = struct{}{}
	return victim
}

// before reports whether a connection has to go before another.
func (c *connection) before(other *connection) bool {
	if c.answering != other.answering {
		return other.answering
	}
	return c.turn < other.turn
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// answer notes that a request is being answered, or no longer.
func (c *connection) answer(answering bool) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.of.turn++
	c.turn, c.answering = c.of.turn, answering
}

type connectionKey struct{}

// withConnection is a http.Server's ConnContext.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	return context.WithValue(ctx, connectionKey{}, c)
}

// answering tells the bound which connections have a request under way.
func answering(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connectionKey{}).(*connection); ok {
			c.answer(true)
			defer c.answer(false)
		}
		h.ServeHTTP(w, r)
	})
}
