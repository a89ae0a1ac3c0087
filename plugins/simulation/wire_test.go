//go:build synctests

package simulation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// errCut is what both ends of a connection meet that was cut.
var errCut = errors.New("connection reset by peer")

// wires is the network of a world: it stands in for TCP, in virtual time. What is
// written arrives after the latency, in its order.
type wires struct {
	latency func() time.Duration // of one write
	admit   func(address string) error

	mu        sync.Mutex
	port      int
	listeners map[string]*listener
	conns     map[*end]bool // the clients' ends
	killed    map[string]bool
}

func newWires(latency func() time.Duration, admit func(address string) error) *wires {
	return &wires{latency: latency, admit: admit, port: 10_000, listeners: map[string]*listener{}, conns: map[*end]bool{}, killed: map[string]bool{}}
}

// Listen stands in for net.Listen.
func (w *wires) Listen(_, address string) (net.Listener, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if port == "0" {
		w.port++
		address = fmt.Sprintf("%s:%d", host, w.port)
	}
	l := &listener{wires: w, address: address, accepted: make(chan net.Conn, 100), closed: make(chan struct{})}
	w.listeners[address] = l
	return l, nil
}

// dialer makes connections for one process.
func (w *wires) dialer(process string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		select {
		case <-time.After(w.latency()):
		case <-ctx.Done():
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
		}
		if err := w.admit(address); err != nil {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		l := w.listeners[address]
		if l == nil || w.killed[process] {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
		}
		there, back := newFlow(w.latency), newFlow(w.latency)
		client := &end{in: back, out: there, local: "127.0.0.1:1", remote: address, process: process}
		client.forget = func() { w.mu.Lock(); defer w.mu.Unlock(); delete(w.conns, client) }
		w.conns[client] = true
		l.accepted <- &end{in: there, out: back, local: address, remote: "127.0.0.1:1"}
		return client, nil
	}
}

// cut breaks the connections of a process, or to an address; those that are empty stand
// for all, but for the feed's, which would publish again. What is on its way is lost.
func (w *wires) cut(process, address string) {
	w.mu.Lock()
	var found []*end
	for c := range w.conns {
		if c.process != feed && (process == "" || c.process == process) && (address == "" || c.remote == address) {
			found = append(found, c)
		}
	}
	w.mu.Unlock()
	for _, c := range found {
		c.in.breakOff()
		c.out.breakOff()
	}
}

// kill leaves a process without a network.
func (w *wires) kill(process string) {
	w.mu.Lock()
	w.killed[process] = true
	w.mu.Unlock()
	w.cut(process, "")
}

type listener struct {
	wires    *wires
	address  string
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		l.wires.mu.Lock()
		defer l.wires.mu.Unlock()
		if l.wires.listeners[l.address] == l {
			delete(l.wires.listeners, l.address)
		}
		close(l.closed)
	})
	return nil
}

func (l *listener) Addr() net.Addr { return address(l.address) }

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

// flow is one direction of a connection.
type flow struct {
	latency func() time.Duration

	mu     sync.Mutex
	parts  []part
	last   time.Time // when the last part arrives
	ended  bool      // by the writer
	broken bool
	wake   chan struct{} // capacity 1
}

type part struct {
	at   time.Time
	data []byte
}

func newFlow(latency func() time.Duration) *flow {
	return &flow{latency: latency, wake: make(chan struct{}, 1)}
}

func (f *flow) write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken || f.ended {
		return 0, errCut
	}
	at := time.Now().Add(f.latency())
	if at.Before(f.last) {
		at = f.last
	}
	f.last = at
	f.parts = append(f.parts, part{at, append([]byte(nil), p...)})
	f.signal()
	return len(p), nil
}

// read returns what has arrived, else how long to wait for it, below zero for ever.
func (f *flow) read(p []byte) (n int, wait time.Duration, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.broken:
		return 0, 0, errCut
	case len(f.parts) == 0 && f.ended:
		return 0, 0, io.EOF
	case len(f.parts) == 0:
		return 0, -1, nil
	}
	if wait = time.Until(f.parts[0].at); wait > 0 {
		return 0, wait, nil
	}
	for n < len(p) && len(f.parts) > 0 && !f.parts[0].at.After(time.Now()) {
		k := copy(p[n:], f.parts[0].data)
		n += k
		if f.parts[0].data = f.parts[0].data[k:]; len(f.parts[0].data) == 0 {
			f.parts = f.parts[1:]
		}
	}
	return n, 0, nil
}

func (f *flow) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	f.signal()
}

func (f *flow) breakOff() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken, f.parts = true, nil
	f.signal()
}

func (f *flow) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// end is one end of a connection.
type end struct {
	in, out       *flow
	local, remote string
	process       string
	forget        func()

	mu       sync.Mutex
	deadline time.Time // of reads
	late     time.Time // of writes
	closed   bool
}

func (e *end) Read(p []byte) (int, error) {
	for {
		e.mu.Lock()
		deadline, closed := e.deadline, e.closed
		e.mu.Unlock()
		if closed {
			return 0, net.ErrClosed
		}
		if !deadline.IsZero() && !deadline.After(time.Now()) {
			return 0, &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
		}
		n, wait, err := e.in.read(p)
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		if left := time.Until(deadline); !deadline.IsZero() && (wait < 0 || left < wait) {
			wait = left
		}
		e.await(wait)
	}
}

func (e *end) await(wait time.Duration) {
	if wait < 0 {
		<-e.in.wake
		return
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-e.in.wake:
	case <-t.C:
	}
}

func (e *end) Write(p []byte) (int, error) {
	e.mu.Lock()
	late, closed := e.late, e.closed
	e.mu.Unlock()
	switch {
	case closed:
		return 0, net.ErrClosed
	case !late.IsZero() && !late.After(time.Now()):
		return 0, &net.OpError{Op: "write", Net: "tcp", Err: os.ErrDeadlineExceeded}
	}
	return e.out.write(p)
}

func (e *end) Close() error {
	e.mu.Lock()
	was := e.closed
	e.closed = true
	e.mu.Unlock()
	if was {
		return net.ErrClosed
	}
	e.out.end()
	e.in.mu.Lock()
	e.in.ended = true // nobody reads what else is written
	e.in.signal()
	e.in.mu.Unlock()
	if e.forget != nil {
		e.forget()
	}
	return nil
}

func (e *end) LocalAddr() net.Addr  { return address(e.local) }
func (e *end) RemoteAddr() net.Addr { return address(e.remote) }

func (e *end) SetDeadline(t time.Time) error {
	_ = e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}

func (e *end) SetReadDeadline(t time.Time) error {
	e.mu.Lock()
	e.deadline = t
	e.mu.Unlock()
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	e.in.signal()
	return nil
}

func (e *end) SetWriteDeadline(t time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.late = t
	return nil
}
