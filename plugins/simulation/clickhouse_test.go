//go:build synctests

package simulation

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// clickHouse is one server with one table, which remembers the tokens of its inserts. It
// speaks the native protocol, without compression.
type clickHouse struct {
	w  *world
	wg sync.WaitGroup

	mu     sync.Mutex
	tokens map[string]int // how often each was stored
	conns  map[net.Conn]bool
}

const clickHouseAddress = "127.0.0.1:9000"

// buffers are as large as ch-go's own, which takes them then.
var buffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 128<<10) }}

func (s *clickHouse) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[c] = true
		s.mu.Unlock()
		s.wg.Go(func() {
			defer func() {
				_ = c.Close()
				s.mu.Lock()
				defer s.mu.Unlock()
				delete(s.conns, c)
			}()
			buffered := buffers.Get().(*bufio.Reader) //nolint:forcetypeassert // by New
			defer buffers.Put(buffered)
			buffered.Reset(c)
			_ = (&session{server: s, conn: c, in: proto.NewReader(buffered)}).run()
		})
	}
}

func (s *clickHouse) close() {
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// session is a connection to the server.
type session struct {
	server *clickHouse
	conn   net.Conn
	in     *proto.Reader
	out    proto.Buffer
}

const revision = proto.Version

func (s *session) send() error {
	_, err := s.conn.Write(s.out.Buf)
	s.out.Reset()
	return err
}

func (s *session) run() error {
	if err := s.greet(); err != nil {
		return err
	}
	for {
		code, err := s.in.UVarInt()
		if err != nil {
			return err
		}
		switch proto.ClientCode(code) {
		case proto.ClientCodePing:
			proto.ServerCodePong.Encode(&s.out)
			if err := s.send(); err != nil {
				return err
			}
		case proto.ClientCodeQuery:
			var q proto.Query
			if err := q.DecodeAware(s.in, revision); err != nil {
				return err
			}
			if err := s.answer(&q); err != nil {
				return err
			}
		default:
			return errors.New("not known")
		}
	}
}

func (s *session) greet() error {
	if _, err := s.in.UVarInt(); err != nil {
		return err
	}
	if err := new(proto.ClientHello).Decode(s.in); err != nil {
		return err
	}
	(&proto.ServerHello{Name: "ClickHouse", Major: 26, Minor: 7, Revision: revision, Timezone: "UTC", DisplayName: "simulated", Patch: 1}).EncodeAware(&s.out, revision)
	if err := s.send(); err != nil {
		return err
	}
	_, err := s.in.Str() // the addendum
	return err
}

// data reads a block; rows is nil for one without columns.
func (s *session) data(rows proto.Results) (n int, err error) {
	if code, err := s.in.UVarInt(); err != nil || proto.ClientCode(code) != proto.ClientCodeData {
		return 0, errors.Join(err, io.ErrUnexpectedEOF)
	}
	if _, err := s.in.Str(); err != nil {
		return 0, err
	}
	var b proto.Block
	if err := b.DecodeBlock(s.in, revision, rows); err != nil {
		return 0, err
	}
	return b.Rows, nil
}

func (s *session) refuse(f *fault) error {
	proto.ServerCodeException.Encode(&s.out)
	s.out.PutInt32(int32(f.code)) //nolint:gosec // a small number
	for _, text := range []string{"DB::Exception", "it is refused", ""} {
		s.out.PutString(text)
	}
	s.out.PutBool(false)
	return s.send()
}

// block says a block of texts by columns.
func (s *session) block(columns, types []string, rows [][]string) {
	proto.ServerCodeData.Encode(&s.out)
	s.out.PutString("")
	proto.Block{Info: proto.BlockInfo{BucketNum: -1}, Columns: len(columns), Rows: len(rows)}.EncodeAware(&s.out, revision)
	for i, c := range columns {
		s.out.PutString(c)
		s.out.PutString(types[i])
		s.out.PutBool(false)
		for _, r := range rows {
			s.out.PutString(r[i])
		}
	}
}

func (s *session) answer(q *proto.Query) error {
	if _, err := s.data(nil); err != nil {
		return err
	}
	if strings.HasPrefix(q.Body, "INSERT") {
		return s.insert(q)
	}
	if f := s.server.w.meet("ask"); f != nil {
		switch f.act {
		case actRefuse:
			return s.refuse(f)
		case actDelay:
			time.Sleep(f.delay)
		case actStall:
			return s.stall()
		default:
			return errCut
		}
	}
	rows := s.server.ask(q.Body)
	if len(rows) > 0 {
		names, types := make([]string, len(rows[0])), make([]string, len(rows[0]))
		for i := range names {
			names[i], types[i] = "c", "String"
		}
		s.block(names, types, rows)
	}
	proto.ServerCodeEndOfStream.Encode(&s.out)
	return s.send()
}

// stall says nothing any more until the other side gives up.
func (s *session) stall() error {
	_, err := io.Copy(io.Discard, s.in)
	return err
}

func (s *clickHouse) ask(sql string) [][]string {
	switch {
	case sql == "SELECT version()":
		return [][]string{{"26.7.1.1"}}
	case strings.Contains(sql, "system.settings"):
		return [][]string{{"insert_deduplication_token", "", "0", "", ""}, {"async_insert", "0", "0", "", ""}}
	case strings.Contains(sql, "system.columns"):
		return [][]string{{"source", "String", "", ""}, {"n", "UInt64", "", ""}}
	case strings.Contains(sql, "system.tables"):
		return [][]string{{"MergeTree", "MergeTree ORDER BY tuple() SETTINGS non_replicated_deduplication_window = 100000"}}
	}
	return nil
}

func (s *session) insert(q *proto.Query) error {
	w := s.server.w
	s.block([]string{"source", "n"}, []string{"String", "UInt64"}, nil)
	if err := s.send(); err != nil {
		return err
	}
	var rows []record
	for {
		source, n := new(proto.ColStr), new(proto.ColUInt64)
		count, err := s.data(proto.Results{{Name: "source", Data: source}, {Name: "n", Data: n}})
		if err != nil {
			return err
		}
		if count == 0 {
			break
		}
		for i := range count {
			rows = append(rows, record{source.Row(i), int(n.Row(i))}) //nolint:gosec // it was an int
		}
	}
	f := w.meet("insert")
	if f != nil {
		switch f.act {
		case actRefuse:
			return s.refuse(f)
		case actCut:
			return errCut
		case actStall:
			return s.stall()
		case actDelay, actLate:
			time.Sleep(f.delay)
		}
	}
	if w.toxic(rows) {
		return s.refuse(&fault{code: 469})
	}
	token := ""
	for _, set := range q.Settings {
		if set.Key == "insert_deduplication_token" {
			token = set.Value
		}
	}
	s.server.mu.Lock()
	repeated := token != "" && s.server.tokens[token] > 0
	s.server.tokens[token]++
	w.store(rows, repeated)
	s.server.mu.Unlock()
	if f != nil && f.act == actLose {
		return errCut
	}
	proto.ServerCodeProgress.Encode(&s.out)
	proto.Progress{WroteRows: uint64(len(rows))}.EncodeAware(&s.out, revision)
	proto.ServerCodeEndOfStream.Encode(&s.out)
	return s.send()
}
