package status

import (
	"net/http"
	"time"
)

// NewServersWithin are servers whose timeouts are all so long.
func NewServersWithin(d time.Duration) *Servers {
	s := NewServers()
	s.timeouts = timeouts{d, d, d, d}
	return s
}

// Handler is the listener's own handler without a listener, for requests that
// seem to come from elsewhere.
func Handler(boards ...*Board) http.Handler {
	s := NewServers()
	return s.handler(&server{boards: boards})
}

// Clients is how many read the events of the only listener.
func Clients(s *Servers) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, srv := range s.byAddr {
		srv.pulse.mu.Lock()
		n += len(srv.pulse.clients)
		srv.pulse.mu.Unlock()
	}
	return n
}
