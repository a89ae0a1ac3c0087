package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// nativeServer is ClickHouse's native protocol over the handler's engine.
type nativeServer struct {
	handler *handler
	version [3]int // the engine's

	mu        sync.Mutex
	closed    bool
	listeners []net.Listener
	sessions  map[*session]struct{}
	wg        sync.WaitGroup
}

func newNativeServer(h *handler) (*nativeServer, error) {
	out, err := h.engine.run(scope{database: "default"}, "SELECT version()", "TabSeparatedRaw")
	if err != nil {
		return nil, fmt.Errorf("asking the engine for its version: %w", err)
	}
	s := &nativeServer{handler: h, sessions: map[*session]struct{}{}}
	for i, part := range strings.SplitN(strings.TrimSpace(string(out.data)), ".", 4) {
		if i < len(s.version) {
			s.version[i], _ = strconv.Atoi(part)
		}
	}
	return s, nil
}

// listen listens at addr; over TLS when conf is given.
func (s *nativeServer) listen(addr string, conf *tls.Config) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening for the native protocol: %w", err)
	}
	if conf != nil {
		l = tls.NewListener(l, conf)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, l)
	return l, nil
}

// serve accepts connections until close.
func (s *nativeServer) serve(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.closed {
				return nil
			}
			return fmt.Errorf("accepting a native connection: %w", err)
		}
		c := newSession(s, conn)
		if !s.add(c) {
			_ = conn.Close()
			return nil
		}
		go func() {
			defer s.remove(c)
			c.run()
		}()
	}
}

func (s *nativeServer) add(c *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.sessions[c] = struct{}{}
	s.wg.Add(1)
	return true
}

func (s *nativeServer) remove(c *session) {
	_ = c.conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, c)
	s.wg.Done()
}

// close ends the listeners and the connections, those in a statement when it has been answered.
func (s *nativeServer) close() {
	s.mu.Lock()
	s.closed = true
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for c := range s.sessions {
		c.stop()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// session is one connection. Its statements run one after the other.
type session struct {
	server   *nativeServer
	handler  *handler
	conn     net.Conn
	raw      *bufio.Reader
	in       *proto.Reader // reads from raw
	out      proto.Buffer
	revision int // the lower one of both sides'
	database string
	settings []string // by SET, as "name = value"

	mu       sync.Mutex
	busy     bool // the engine runs a statement
	stopping bool
}

// readerSize is what ch-go's reader has: it takes a buffered reader of that
// size as it is, so that a session can look ahead.
const readerSize = 1 << 17

func newSession(s *nativeServer, conn net.Conn) *session {
	raw := bufio.NewReaderSize(conn, readerSize)
	return &session{server: s, handler: s.handler, conn: conn, raw: raw, in: proto.NewReader(raw)}
}

// stop ends a session that waits for its client, and one that is at work when it is done.
func (c *session) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	if !c.busy {
		_ = c.conn.Close()
	}
}

// working runs f, which uses the engine, to its end although the server is being stopped.
func (c *session) working(f func() error) error {
	c.mu.Lock()
	if c.stopping {
		c.mu.Unlock()
		return net.ErrClosed
	}
	c.busy = true
	c.mu.Unlock()
	err := f()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = false
	if c.stopping {
		return errors.Join(err, net.ErrClosed)
	}
	return err
}

// run serves the connection until the client leaves or breaks the protocol.
func (c *session) run() {
	if err := c.handshake(); err != nil {
		_ = c.sendException(err)
		return
	}
	for {
		if err := c.packet(); err != nil {
			return
		}
	}
}

// handshake greets the client. The error is to be told.
func (c *session) handshake() error {
	_ = c.conn.SetDeadline(time.Now().Add(time.Minute))
	code, err := c.in.UVarInt()
	if err != nil {
		return err
	}
	if code != uint64(proto.ClientCodeHello) {
		return exception(fmt.Sprintf("Code: 101. DB::Exception: Unexpected packet %d from client. (UNEXPECTED_PACKET_FROM_CLIENT)", code))
	}
	var client proto.ClientHello
	if err := client.Decode(c.in); err != nil {
		return err
	}
	c.revision = min(client.ProtocolVersion, revision)
	c.database = client.Database
	if c.database == "" {
		c.database = "default"
	}
	if err := c.handler.login(client.User, client.Password); err != nil {
		return err
	}
	if !proto.FeatureSettingsSerializedAsStrings.In(c.revision) {
		return exception(fmt.Sprintf("Code: 48. DB::Exception: Revision %d of the protocol is too old for this server. (NOT_IMPLEMENTED)", c.revision))
	}
	if _, err := c.handler.run(c.scope(), "SELECT 1", "Null"); err != nil {
		return err // no such database
	}
	v := c.server.version
	hello := proto.ServerHello{
		Name: "ClickHouse", Major: v[0], Minor: v[1], Patch: v[2], Revision: revision,
		Timezone: "UTC", DisplayName: displayName,
	}
	hello.EncodeAware(&c.out, c.revision)
	if err := c.flush(); err != nil {
		return err
	}
	if proto.FeatureAddendum.In(c.revision) {
		if _, err := c.in.Str(); err != nil { // the quota key
			return err
		}
	}
	return c.conn.SetDeadline(time.Time{})
}

// packet serves the next packet of a client that has no statement running.
func (c *session) packet() error {
	code, err := c.in.UVarInt()
	if err != nil {
		return err
	}
	switch proto.ClientCode(code) {
	case proto.ClientCodePing:
		proto.ServerCodePong.Encode(&c.out)
		return c.flush()
	case proto.ClientCodeCancel:
		return nil // what it was about has ended
	case proto.ClientCodeQuery:
		return c.query()
	}
	return errors.Join(c.sendException(exception(fmt.Sprintf(
		"Code: 101. DB::Exception: Unexpected packet %d from client. (UNEXPECTED_PACKET_FROM_CLIENT)", code))), net.ErrClosed)
}

func (c *session) flush() error {
	_, err := c.conn.Write(c.out.Buf)
	c.out.Reset()
	return err
}

// sendException ends a statement. A text that is the engine's own is sent as a
// server sends it, without its code, its name and the version.
func (c *session) sendException(err error) error {
	code, text := 1002, err.Error()
	var f *failure
	if errors.As(err, &f) && f.code != 0 {
		code = f.code
	}
	e := proto.Exception{Code: proto.Error(code), Name: "DB::Exception", Message: "DB::Exception: " + bareText(text)}
	proto.ServerCodeException.Encode(&c.out)
	e.EncodeAware(&c.out, c.revision)
	return c.flush()
}

func (c *session) scope() scope { return scope{database: c.database} }
