package status

import (
	"sync"
	"time"
)

// Link is the state of one component's connection to its server. A new Link
// counts as down from the moment it was made. All methods are safe for
// concurrent use.
type Link struct {
	mu     sync.Mutex
	up     bool
	ever   bool // it was
	closed bool
	since  time.Time // of the present state
	err    error     // why it is down
	users  int       // that were opened and are not closed

	lost func(error) // told when the link goes down for a reason; nil when nobody listens
}

// LinkState is a copy of a Link's state.
type LinkState struct {
	Connected bool
	// Ever says that it has been connected since the process started.
	Ever bool
	// Closed says that the component was closed on purpose: not a fault.
	Closed bool
	Since  time.Time
	Err    error // nil when connected, or when it never tried
}

// Up says that the server is reached.
func (l *Link) Up() { l.set(true, false, nil) }

// Down says that the server is not reached, and why. Saying it again keeps the
// time of the first.
func (l *Link) Down(err error) { l.set(false, false, err) }

// Opened says that a component is going to use the link: one that takes the place
// of another, under the same label, may do so before that one is closed.
func (l *Link) Opened() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users++
}

// Closed says that the component has been closed. The link is closed when that was
// the last one to use it.
func (l *Link) Closed() {
	if !l.release() {
		l.set(false, true, nil)
	}
}

// Abandoned says that a component which was closed, since nobody reads from it, was not
// to be: the link counts as down because of err, unless another one has it by now. It
// follows Closed.
func (l *Link) Abandoned(err error) {
	l.mu.Lock()
	others := l.users > 0
	l.mu.Unlock()
	if !others {
		l.set(false, false, err)
	}
}

// release takes a user away, and reports whether there are others.
func (l *Link) release() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users = max(l.users-1, 0)
	return l.users > 0
}

func (l *Link) set(up, closed bool, err error) {
	l.mu.Lock()
	if l.since.IsZero() || up != l.up || closed != l.closed {
		l.since = time.Now()
	}
	lost := err != nil && (l.up || l.err == nil) && l.lost != nil
	l.up, l.closed, l.err = up, closed, err
	l.ever = l.ever || up
	l.mu.Unlock()
	if lost {
		l.lost(err)
	}
}

// State returns the present state.
func (l *Link) State() LinkState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return LinkState{Connected: l.up, Ever: l.ever, Closed: l.closed, Since: l.since, Err: l.err}
}
