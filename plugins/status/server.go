package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Servers are the status listeners of a process, one for each address, shared
// by the streams that name the same address.
type Servers struct {
	started time.Time

	mu     sync.Mutex
	byAddr map[string]*server
}

// server is one listener and the boards that it reports on.
type server struct {
	listener net.Listener
	http     *http.Server
	done     chan struct{}
	pulse    *pulse
	boards   []*Board
}

// NewServers returns an empty set of listeners.
func NewServers() *Servers { return &Servers{started: time.Now(), byAddr: map[string]*server{}} }

// Check reports whether Serve could listen on the address, without keeping it.
// An address that is already served is fine: it is shared.
func (s *Servers) Check(address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byAddr[address] != nil {
		return nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listening on %q: %w", address, err)
	}
	return l.Close()
}

// Serve answers GET /health and GET /pauses on the address with what the board
// knows, beside those that are already served there, shows it on the live page
// (GET / and GET /events), and lets those operate its inputs whom the board
// lets: see Board.SetOperator. It returns the address that it
// listens on and a function that takes the board away again; the last one to
// leave closes the listener and waits for its end.
func (s *Servers) Serve(address string, b *Board) (net.Addr, func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	srv := s.byAddr[address]
	if srv == nil {
		var err error
		if srv, err = s.listen(address); err != nil {
			return nil, nil, err
		}
		s.byAddr[address] = srv
	}
	srv.boards = append(srv.boards, b)
	var once sync.Once
	return srv.listener.Addr(), func() { once.Do(func() { s.leave(address, srv, b) }) }, nil
}

func (s *Servers) listen(address string) (*server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", address, err)
	}
	srv := &server{listener: l, done: make(chan struct{})}
	srv.http = &http.Server{Handler: s.handler(srv), ReadHeaderTimeout: 5 * time.Second}
	srv.pulse = newPulse(func() []*Board { return s.boardsOf(srv) })
	go func() {
		defer close(srv.done)
		_ = srv.http.Serve(l) // always ErrServerClosed or the listener's end
	}()
	return srv, nil
}

func (s *Servers) handler(srv *server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { s.health(w, srv) })
	mux.HandleFunc("GET /pauses", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, pausesOf(s.boardsOf(srv)...))
	})
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) { s.events(w, r, srv) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { serveAsset(w, r, pageIndex) })
	mux.HandleFunc("GET /page/", func(w http.ResponseWriter, r *http.Request) { serveAsset(w, r, r.URL.Path[1:]) })
	for _, path := range []string{"/inputs/{action}", "/inputs/{label}/{action}", "/inputs/"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { operate(w, r, s.boardsOf(srv)) })
	}
	return mux
}

func (s *Servers) health(w http.ResponseWriter, srv *server) {
	h := HealthOf(s.boardsOf(srv)...)
	code := http.StatusOK
	if h.Status != "healthy" {
		code = http.StatusServiceUnavailable
	}
	answer(w, code, h)
}

// answer sends a body as JSON that nobody may cache.
func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client is gone if this fails
}

func (s *Servers) boardsOf(srv *server) []*Board {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(srv.boards)
}

func (s *Servers) leave(address string, srv *server, b *Board) {
	s.mu.Lock()
	if i := slices.Index(srv.boards, b); i >= 0 {
		srv.boards = slices.Delete(srv.boards, i, i+1)
	}
	last := len(srv.boards) == 0
	if last {
		delete(s.byAddr, address)
	}
	s.mu.Unlock()
	if last {
		srv.close()
	}
}

// close ends the events at once and lets other requests under way finish, for a
// second at most.
func (srv *server) close() {
	srv.pulse.close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := srv.http.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		_ = srv.http.Close()
	}
	<-srv.done
	srv.pulse.wait()
}
