package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// clientName is what servers list queries under.
const clientName = "data-bridge"

// nativeRevision is the revision of the protocol that is offered; servers that
// are older say so, and newer ones take it. What later ones add is nothing that
// an INSERT needs.
const nativeRevision = proto.Version

// oldestRevision is the oldest that is spoken: of 2017.
const oldestRevision = 54058

// nativeWire speaks the native protocol. It keeps connections that are idle.
type nativeWire struct {
	replica *Replica
	pool    pool
}

func newNativeWire(r *Replica) *nativeWire {
	w := &nativeWire{replica: r}
	w.pool.most = r.cfg.Inserts + spareConns
	return w
}

// close implements wire.
func (w *nativeWire) close() { w.pool.close() }

// with runs f with a connection, and keeps it if f has left it in order. A
// connection that the server has closed meanwhile is not among those that are
// kept; see pool.
func (w *nativeWire) with(ctx context.Context, f func(context.Context, *conn) (clean bool, err error)) error {
	c, err := w.pool.take()
	if err != nil {
		return err
	}
	if c == nil {
		if c, err = w.dial(ctx); err != nil {
			return &DialError{Address: w.replica.address, Err: err}
		}
		w.replica.dials.Add(1)
		if err := w.pool.adopt(c); err != nil {
			return err
		}
	}
	clean := false
	defer func() { w.pool.giveBack(c, clean) }()
	release := c.guard(ctx)
	kept, err := f(ctx, c)
	clean = release() && kept
	return err
}

// dial makes a connection and shakes hands.
func (w *nativeWire) dial(ctx context.Context) (c *conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.replica.cfg.DialTimeout)
	defer cancel()
	who, err := w.replica.cfg.credentials()
	if err != nil {
		return nil, err
	}
	raw, err := w.replica.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if c == nil {
			_ = raw.Close()
		}
	}()
	fresh := newConn(raw, w.replica.cfg.Compression)
	release := fresh.guard(ctx)
	err = fresh.greet(who, w.replica.cfg.Database)
	if clean := release(); err != nil || !clean {
		return nil, errors.Join(err, context.Cause(ctx))
	}
	return fresh, nil
}

// ping implements wire.
func (w *nativeWire) ping(ctx context.Context) error {
	return w.with(ctx, func(_ context.Context, c *conn) (bool, error) {
		proto.ClientCodePing.Encode(&c.buf)
		if err := c.send(); err != nil {
			return false, err
		}
		code, err := c.in.code()
		if err != nil {
			return false, err
		}
		if code != proto.ServerCodePong {
			return false, fmt.Errorf("%w: %s in answer to a ping", errUnexpected, code)
		}
		return true, nil
	})
}

// query implements wire.
func (w *nativeWire) query(ctx context.Context, q statement, row func([]string)) error {
	return w.with(ctx, func(_ context.Context, c *conn) (bool, error) {
		// What a query answers is small, and its layout is known.
		if err := c.ask(q, proto.CompressionDisabled); err != nil {
			return false, err
		}
		var a answer
		a.data = func() error {
			if row == nil {
				return errDropped
			}
			return c.in.texts(q.columns, row)
		}
		err := c.read(&a)
		if errors.Is(err, errDropped) { // it has an answer: nobody asked what
			return false, nil
		}
		return err == nil || a.exception, err
	})
}

// errDropped ends the reading of an answer that nobody wants.
var errDropped = errors.New("the answer is not wanted")

// conn is one connection of the native protocol. It is for one call at a time.
type conn struct {
	net.Conn
	buffered *bufio.Reader
	in       *packets
	buf      proto.Buffer // what is to be sent
	revision int
	blocks   blocks
	frames   *frames
	compress proto.Compression

	idle idle // of the pool
}

func newConn(raw net.Conn, compression string) *conn {
	c := &conn{Conn: raw, buffered: bufio.NewReaderSize(raw, readBufferSize), frames: newFrames(compression), revision: nativeRevision}
	c.in = newPackets(c.buffered)
	if c.frames.compressor != nil {
		c.compress = proto.CompressionEnabled
	}
	return c
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// guard lets the connection's reads and writes end with ctx: at its deadline, or
// when it is given up. To be released; the connection is of use only if that
// returns true.
func (c *conn) guard(ctx context.Context) (release func() bool) {
	deadline, _ := ctx.Deadline()
	_ = c.SetDeadline(deadline)
	c.in.budget = mostAnswer
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(longAgo) })
	return func() bool {
		if !stop() {
			return false
		}
		return c.SetDeadline(time.Time{}) == nil
	}
}

// send writes what is in buf.
func (c *conn) send() error {
	_, err := c.Write(c.buf.Buf)
	c.buf.Reset()
	return err
}

// greet shakes hands.
func (c *conn) greet(who credentials, database string) error {
	proto.ClientHello{Name: clientName, Major: 1, ProtocolVersion: nativeRevision, Database: database, User: who.username, Password: who.password}.Encode(&c.buf)
	if err := c.send(); err != nil {
		return err
	}
	code, err := c.in.code()
	switch {
	case err != nil:
		return err
	case code == proto.ServerCodeException:
		return c.in.failed()
	case code != proto.ServerCodeHello:
		return fmt.Errorf("%w: packet %d in answer to a greeting (is this the port of the native protocol?)", errUnexpected, code)
	}
	if err := c.hello(); err != nil {
		return err
	}
	if proto.FeatureAddendum.In(c.revision) {
		c.buf.PutString("") // no quota key
		return c.send()
	}
	return nil
}

// hello reads who the server is.
func (c *conn) hello() error {
	if _, err := c.in.str(); err != nil { // its name
		return err
	}
	var revision uint64
	for i := range 3 {
		v, err := c.in.UVarInt()
		if err != nil {
			return err
		}
		if i == 2 { // after the version
			revision = v
		}
	}
	if revision < oldestRevision {
		return fmt.Errorf("the server speaks revision %d of the native protocol, and %d is the oldest that is understood", revision, oldestRevision)
	}
	c.revision = int(min(revision, nativeRevision)) //nolint:gosec // bounded
	c.in.revision, c.blocks.revision = c.revision, c.revision
	for _, has := range []proto.Feature{proto.FeatureTimezone, proto.FeatureDisplayName} {
		if has.In(c.revision) {
			if _, err := c.in.str(); err != nil {
				return err
			}
		}
	}
	if proto.FeatureVersionPatch.In(c.revision) {
		if _, err := c.in.UVarInt(); err != nil {
			return err
		}
	}
	return nil
}

// ask sends a query that has no external tables.
func (c *conn) ask(q statement, compression proto.Compression) error {
	if err := c.question(q, compression); err != nil {
		return err
	}
	return c.end(compression)
}

// question sends a query: its external tables come next, and the end of them.
func (c *conn) question(q statement, compression proto.Compression) error {
	proto.ClientCodeQuery.Encode(&c.buf)
	c.buf.PutString(q.id)
	proto.ClientInfo{
		ProtocolVersion: nativeRevision,
		Major:           1,
		Interface:       proto.InterfaceTCP,
		Query:           proto.ClientQueryInitial,
		ClientName:      clientName,
		InitialAddress:  c.LocalAddr().String(),
	}.EncodeAware(&c.buf, c.revision)
	for _, s := range q.settings {
		if err := s.encode(&c.buf, c.revision); err != nil {
			return err
		}
	}
	c.buf.PutString("") // end of settings
	if proto.FeatureInterServerSecret.In(c.revision) {
		c.buf.PutString("")
	}
	proto.StageComplete.Encode(&c.buf)
	compression.Encode(&c.buf)
	c.buf.PutString(q.sql)
	if proto.FeatureParameters.In(c.revision) {
		c.buf.PutString("") // end of parameters
	}
	return c.send()
}

// end sends the block of nothing that ends an INSERT's rows, or external tables.
func (c *conn) end(compression proto.Compression) error { return c.block("", nil, 0, 0, compression) }

// block sends one block, of the external table of a name, or of an INSERT's rows.
func (c *conn) block(table string, fields []field, from, to int, compression proto.Compression) error {
	proto.ClientCodeData.Encode(&c.buf)
	c.buf.PutString(table)
	if err := c.send(); err != nil {
		return err
	}
	if compression == proto.CompressionDisabled {
		out := bufio.NewWriterSize(c.Conn, writeBufferSize)
		if err := c.blocks.write(out, fields, from, to); err != nil {
			return err
		}
		return out.Flush()
	}
	c.frames.reset(c.Conn)
	if err := c.blocks.write(c.frames, fields, from, to); err != nil {
		return err
	}
	return c.frames.Flush()
}

// writeBufferSize gathers what is small of a block that is not compressed.
const writeBufferSize = 64 << 10

// encode appends a setting. Old servers know the type of each, and expect
// numbers as such.
func (s settingValue) encode(buf *proto.Buffer, revision int) error {
	if proto.FeatureSettingsSerializedAsStrings.In(revision) {
		proto.Setting{Key: s.name, Value: s.text(), Important: s.must}.Encode(buf)
		return nil
	}
	buf.PutString(s.name)
	switch v := s.value.(type) {
	case int:
		if v < 0 {
			return &classifiedError{AccessFault, fmt.Sprintf("setting %s: %d is negative, which servers of this age do not take", s.name, v)}
		}
		buf.PutUVarInt(uint64(v))
	case bool:
		buf.PutBool(v)
	default:
		buf.PutString(s.text())
	}
	return nil
}

// text is the value as servers read it.
func (s settingValue) text() string {
	switch v := s.value.(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case bool:
		if v {
			return "1"
		}
		return "0"
	}
	return fmt.Sprint(s.value)
}

// failed reads an exception, as the error that it is.
func (p *packets) failed() error {
	e, err := p.exception()
	if err != nil {
		return err
	}
	return e
}

// answer is what a server says to a query.
type answer struct {
	data      func() error // reads the block of a packet of data
	header    bool         // return after a packet of data
	exception bool         // it ended with an exception
	written   uint64       // rows
	told      bool         // the server tells what it has written
	repeated  uint64       // blocks that were stored before
}

// read reads what the server says up to its end.
func (c *conn) read(a *answer) error {
	for {
		code, err := c.in.code()
		if err != nil {
			return err
		}
		switch code {
		case proto.ServerCodeEndOfStream:
			return nil
		case proto.ServerCodeException:
			e, err := c.in.exception()
			if err != nil {
				return err
			}
			a.exception = true
			return e
		}
		if err := c.packet(code, a); err != nil {
			return err
		}
		if a.header && code == proto.ServerCodeData {
			return nil
		}
	}
}

// packet reads one packet of those that come before the end.
func (c *conn) packet(code proto.ServerCode, a *answer) error {
	switch code {
	case proto.ServerCodeData:
		if _, err := c.in.str(); err != nil { // the name of an external table
			return err
		}
		return a.data()
	case proto.ServerCodeProgress:
		var p proto.Progress
		if err := p.DecodeAware(c.in.Reader, c.revision); err != nil {
			return err
		}
		a.written += p.WroteRows
		a.told = proto.FeatureClientWriteInfo.In(c.revision)
		return nil
	case proto.ServerCodeProfile:
		return new(proto.Profile).DecodeAware(c.in.Reader, c.revision)
	case proto.ServerCodeTableColumns:
		for range 2 { // the table's name, and its columns as text
			if _, err := c.in.str(); err != nil {
				return err
			}
		}
		return nil
	case proto.ServerProfileEvents, proto.ServerCodeLog:
		if _, err := c.in.str(); err != nil {
			return err
		}
		return c.in.events(a.count)
	case proto.ServerCodeTotals, proto.ServerCodeExtremes: // which a profile may ask for
		if _, err := c.in.str(); err != nil {
			return err
		}
		return c.in.texts(0, func([]string) {})
	}
	return fmt.Errorf("%w: packet %d", errUnexpected, code)
}

// eventRepeated counts the blocks of an insert that a table has had before.
const eventRepeated = "DuplicatedInsertedBlocks"

func (a *answer) count(e event) {
	if e.name == eventRepeated {
		a.repeated += e.value
	}
}
