package status

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// Servers are the status listeners of a process, one for each address, shared
// by the streams that name the same address.
type Servers struct {
	started  time.Time
	host     string
	timeouts timeouts

	mu      sync.Mutex
	byAddr  map[string]*server
	metrics http.Handler // nil for none
	version string
}

// server is one listener and the boards that it reports on.
type server struct {
	settings Listener
	listener net.Listener
	http     *http.Server
	done     chan struct{}
	pulse    *pulse
	boards   []*Board
}

// NewServers returns an empty set of listeners.
func NewServers() *Servers {
	host, _ := os.Hostname() // "" where nobody knows
	return &Servers{started: time.Now(), host: host, timeouts: usual, byAddr: map[string]*server{}}
}

// SetVersion says which version of the program this is, for the live page.
func (s *Servers) SetVersion(version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version = version
}

func (s *Servers) versionOf() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// ServeMetrics has every listener, those that are there included, answer GET /metrics
// with h.
func (s *Servers) ServeMetrics(h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.metrics = h
}

// Check reports whether Listen could use these settings, without keeping anything.
// An address that is already served is fine, with the same settings: it is shared.
func (s *Servers) Check(settings Listener) error {
	if err := settings.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if srv := s.byAddr[settings.Address]; srv != nil {
		if srv.settings != settings {
			return errDiffer
		}
		return nil
	}
	l, err := net.Listen("tcp", settings.Address)
	if err != nil {
		return fmt.Errorf("listening on %q: %w", settings.Address, err)
	}
	return l.Close()
}

// Serve is Listen for everybody, without TLS.
func (s *Servers) Serve(address string, b *Board) (net.Addr, func(), error) {
	return s.Listen(Listener{Address: address}, b)
}

// Listen answers GET /health and GET /pauses on the address with what the board
// knows, beside those that are already served there, shows it on the live page
// (GET / and GET /events), and lets those operate its inputs whom the board
// lets: see Board.SetOperator. It returns the address that it
// listens on and a function that takes the board away again; the last one to
// leave closes the listener and waits for its end.
func (s *Servers) Listen(settings Listener, b *Board) (net.Addr, func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	srv := s.byAddr[settings.Address]
	if srv == nil {
		var err error
		if srv, err = s.listen(settings); err != nil {
			return nil, nil, err
		}
		s.byAddr[settings.Address] = srv
	}
	if srv.settings != settings {
		return nil, nil, errDiffer
	}
	srv.boards = append(srv.boards, b)
	var once sync.Once
	return srv.listener.Addr(), func() { once.Do(func() { s.leave(settings.Address, srv, b) }) }, nil
}

// timeouts are how long a client may take, so that none holds a connection for
// nothing. A reader of the events is bounded for each event: see clientPatience.
type timeouts struct{ header, read, write, idle time.Duration }

var usual = timeouts{header: 5 * time.Second, read: 10 * time.Second, write: 30 * time.Second, idle: 30 * time.Second}

const largestHeader = 32 << 10

func (s *Servers) listen(settings Listener) (*server, error) {
	l, err := net.Listen("tcp", settings.Address)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", settings.Address, err)
	}
	srv := &server{settings: settings, listener: l, done: make(chan struct{})}
	srv.http = &http.Server{
		Handler:           answering(settings.protect(s.handler(srv))),
		ReadHeaderTimeout: s.timeouts.header,
		ReadTimeout:       s.timeouts.read,
		WriteTimeout:      s.timeouts.write,
		IdleTimeout:       s.timeouts.idle,
		MaxHeaderBytes:    largestHeader,
		ConnContext:       withConnection,
		ErrorLog:          log.New(io.Discard, "", 0), // what strangers do wrong
	}
	srv.pulse = newPulse(func() []*Board { return s.boardsOf(srv) })
	var open net.Listener = bound(l, mostConnections)
	if secure := settings.secure(); secure != nil {
		open = tls.NewListener(open, secure)
	}
	go func() {
		defer close(srv.done)
		_ = srv.http.Serve(open) // always ErrServerClosed or the listener's end
	}()
	return srv, nil
}

func (s *Servers) handler(srv *server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) { s.health(w, r, srv) })
	mux.HandleFunc("GET /pauses", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, pausesOf(s.boardsOf(srv)...))
	})
	mux.HandleFunc("GET /metrics", s.serveMetrics)
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) { s.events(w, r, srv) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { serveAsset(w, r, pageIndex) })
	mux.HandleFunc("GET /page/", func(w http.ResponseWriter, r *http.Request) { serveAsset(w, r, r.URL.Path[1:]) })
	for _, path := range []string{"/inputs/{action}", "/inputs/{label}/{action}", "/inputs/"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { operate(w, r, s.boardsOf(srv)) })
	}
	for _, path := range []string{settingsPath, settingsPath + "/"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { tune(w, r, s.boardsOf(srv)) })
	}
	return mux
}

func (s *Servers) serveMetrics(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	h := s.metrics
	s.mu.Unlock()
	if h == nil {
		http.NotFound(w, r)
		return
	}
	h.ServeHTTP(w, r)
}

func (s *Servers) health(w http.ResponseWriter, r *http.Request, srv *server) {
	h := HealthOf(s.boardsOf(srv)...)
	code := http.StatusOK
	if h.Status != "healthy" {
		code = http.StatusServiceUnavailable
	}
	if stranger(r) { // who has not signed in hears that, and not why
		answer(w, code, map[string]string{"service": h.Service, "status": h.Status})
		return
	}
	answer(w, code, h)
}

// answer sends a body as JSON that nobody may cache.
func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // who uses curl reads "0 < resume_threshold"
	_ = e.Encode(body)     // the client is gone if this fails
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
