package server

import (
	"sync"
	"time"
)

// pool keeps the connections of a replica: those that are idle, to be used
// again, and those in use, to be closed with it. Each idle one is listened to, so
// that one which the server closes is dropped as it happens, and never met by an
// insert. It is safe for concurrent use; its zero value keeps none.
type pool struct {
	most int // idle ones

	mu     sync.Mutex
	closed bool
	idle   []*conn // the last one was used last
	all    map[*conn]bool
	ears   sync.WaitGroup
}

// idle is the state of a connection that nobody uses.
type idle struct {
	heard chan struct{} // closed when nobody listens any more
	gone  bool          // to be read then: the server has closed it, or said what nobody has asked
}

// take returns an idle connection, nil if there is none.
func (p *pool) take() (*conn, error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, ErrClosed
		}
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			return nil, nil //nolint:nilnil // nil is none
		}
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		_ = c.SetReadDeadline(longAgo) // ends the listening
		<-c.idle.heard
		if !c.idle.gone {
			return c, nil
		}
		p.giveBack(c, false)
	}
}

// adopt makes a new connection one that is in use.
func (p *pool) adopt(c *conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return ErrClosed
	}
	if p.all == nil {
		p.all = map[*conn]bool{}
	}
	p.all[c] = true
	return nil
}

// giveBack ends the use of a connection, which is kept if it is in order.
func (p *pool) giveBack(c *conn, clean bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || !clean || len(p.idle) >= p.most || c.buffered.Buffered() > 0 {
		delete(p.all, c)
		_ = c.Close()
		return
	}
	_ = c.SetDeadline(time.Time{})
	c.idle = idle{heard: make(chan struct{})}
	p.idle = append(p.idle, c)
	p.ears.Go(func() { p.listen(c) })
}

// listen waits for what an idle connection should not do: say something, or end.
func (p *pool) listen(c *conn) {
	_, err := c.buffered.Peek(1)
	taken := true
	p.mu.Lock()
	for i, other := range p.idle {
		if other == c {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			taken = false
			break
		}
	}
	p.mu.Unlock()
	c.idle.gone = !isTimeout(err)
	close(c.idle.heard)
	if !taken { // nobody else will
		p.giveBack(c, false)
	}
}

// close ends every connection, and waits for those who listen to them.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	for c := range p.all {
		_ = c.Close()
	}
	p.all, p.idle = nil, nil
	p.mu.Unlock()
	p.ears.Wait()
}

// len is how many connections are idle.
func (p *pool) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle)
}
