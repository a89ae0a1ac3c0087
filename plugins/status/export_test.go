package status

import "net/http"

// Handler is the listener's own handler without a listener, for requests that
// seem to come from elsewhere.
func Handler(boards ...*Board) http.Handler {
	s := NewServers()
	return s.handler(&server{boards: boards})
}
