package server

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/require"
)

// heard is a connection on which a server has said all that it says.
type heard struct {
	net.Conn
	says *bytes.Reader
}

func (h *heard) Read(p []byte) (int, error)       { return h.says.Read(p) }
func (h *heard) Write(p []byte) (int, error)      { return len(p), nil }
func (h *heard) Close() error                     { return nil }
func (h *heard) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (h *heard) SetDeadline(time.Time) error      { return nil }
func (h *heard) SetReadDeadline(time.Time) error  { return nil }
func (h *heard) SetWriteDeadline(time.Time) error { return nil }

func hearing(says []byte, compression string) *conn {
	return newConn(&heard{says: bytes.NewReader(says)}, compression)
}

// said are packets that a server sends.
func said(f func(b *proto.Buffer)) []byte {
	var b proto.Buffer
	f(&b)
	return b.Buf
}

func sayHello(b *proto.Buffer) {
	(&proto.ServerHello{Name: "ClickHouse", Major: 26, Minor: 7, Revision: proto.Version, Timezone: "UTC", DisplayName: "x", Patch: 1}).EncodeAware(b, proto.Version)
}

func sayBlock(b *proto.Buffer, compressed bool, rows int, columns ...[2]string) {
	proto.ServerCodeData.Encode(b)
	b.PutString("")
	start := len(b.Buf)
	proto.BlockInfo{BucketNum: -1}.Encode(b)
	b.PutInt(len(columns))
	b.PutInt(rows)
	for _, c := range columns {
		b.PutString(c[0])
		b.PutString(c[1])
		b.PutBool(false)
		for range rows {
			b.PutString("value")
		}
	}
	if compressed {
		w := compress.NewWriter(compress.LevelZero, compress.LZ4)
		if err := w.Compress(b.Buf[start:]); err != nil {
			panic(err)
		}
		b.Buf = append(b.Buf[:start], w.Data...)
	}
}

func sayException(b *proto.Buffer, code int, nested bool) {
	proto.ServerCodeException.Encode(b)
	b.PutInt32(int32(code)) //nolint:gosec // a small number
	b.PutString("DB::Exception")
	b.PutString("it failed")
	b.PutString("stack")
	b.PutBool(nested)
}

// FuzzNative lets a server say anything: to a greeting, a question and an
// insert. Whatever it is, there is an error or an answer.
func FuzzNative(f *testing.F) {
	f.Add(said(func(b *proto.Buffer) {
		sayHello(b)
		sayBlock(b, false, 0, [2]string{"id", "UInt32"}, [2]string{"s", "String"})
		proto.ServerCodeEndOfStream.Encode(b)
	}), false)
	f.Add(said(func(b *proto.Buffer) {
		sayHello(b)
		sayBlock(b, true, 0, [2]string{"id", "UInt32"}, [2]string{"s", "String"})
		proto.ServerCodeProgress.Encode(b)
		proto.Progress{WroteRows: 3}.EncodeAware(b, proto.Version)
		proto.Profile{}.EncodeAware(b, proto.Version)
		proto.ServerCodeEndOfStream.Encode(b)
	}), true)
	f.Add(said(func(b *proto.Buffer) { sayHello(b); sayException(b, 60, true); sayException(b, 0, false) }), false)
	f.Add(said(func(b *proto.Buffer) { sayException(b, 516, false) }), false)
	f.Add(said(func(b *proto.Buffer) {
		sayHello(b)
		sayBlock(b, false, 2, [2]string{"name", "String"})
		proto.ServerCodeEndOfStream.Encode(b)
	}), false)
	f.Fuzz(func(t *testing.T, says []byte, compressed bool) {
		compression := None
		if compressed {
			compression = LZ4
		}
		for _, f := range []func(c *conn) error{
			func(c *conn) error {
				_, _, err := c.insert(context.Background(), statement{}, rowsOf(sequence(0, 3), Table{Name: "t"}, 0, false))
				return err
			},
			func(c *conn) error {
				if err := c.ask(statement{sql: "SELECT"}, proto.CompressionDisabled); err != nil {
					return err
				}
				return c.read(&answer{data: func() error { return c.in.texts(1, func(row []string) { require.Len(t, row, 1) }) }})
			},
		} {
			c := hearing(says, compression)
			if c.greet(credentials{}, "") == nil {
				err := f(c)
				var panicked *PanicError
				require.NotErrorAs(t, err, &panicked)
			}
		}
	})
}

// FuzzAnswer lets a server, or what stands before it, answer anything over HTTP.
func FuzzAnswer(f *testing.F) {
	f.Add(200, "", `{"written_rows":"10"}`, "")
	f.Add(200, "209", "", "Code: 209. DB::Exception: Timeout. (SOCKET_TIMEOUT)")
	f.Add(500, "", "", "Code: 241, e.displayText() = DB::Exception: Memory")
	f.Add(200, "", "", "\r\n__exception__\r\nabcdefghijklmnop\r\nCode: 395. DB::Exception: x\n100 abcdefghijklmnop\r\n__exception__\r\n")
	f.Add(200, "", `{"written_rows":-1e400}`, "<html>")
	f.Fuzz(func(_ *testing.T, status int, code, summary, body string) {
		header := http.Header{}
		for name, value := range map[string]string{headerCode: code, headerSummary: summary} {
			if value != "" {
				header.Set(name, value)
			}
		}
		a, err := readAnswer(&http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))})
		if err == nil {
			_, _ = a.written()
			_ = readRows(bytes.NewReader(a.body), 3, func([]string) {})
		}
	})
}

// The sizes that a server names are not believed before they are looked at.
func TestNoSizeIsBelieved(t *testing.T) {
	for name, says := range map[string][]byte{
		"text":       said(func(b *proto.Buffer) { b.PutUVarInt(1 << 62) }),
		"long text":  said(func(b *proto.Buffer) { b.PutUVarInt(longestString + 1) }),
		"short text": said(func(b *proto.Buffer) { b.PutUVarInt(100) }),
	} {
		_, err := newPackets(bufio.NewReaderSize(bytes.NewReader(says), readBufferSize)).str()
		require.Error(t, err, name)
	}
	for _, n := range []uint64{1 << 62, mostRows + 1} {
		p := newPackets(bufio.NewReaderSize(bytes.NewReader(said(func(b *proto.Buffer) {
			b.PutUVarInt(1)
			b.PutUVarInt(n)
		})), readBufferSize))
		_, _, err := p.head()
		require.ErrorIs(t, err, errUnexpected)
	}
	// A text counts, however short.
	p := newPackets(bufio.NewReaderSize(bytes.NewReader(make([]byte, 1000)), readBufferSize))
	p.budget = 100 * textCost
	n := 0
	for ; n < 1000; n++ {
		if _, err := p.str(); err != nil {
			break
		}
	}
	require.Equal(t, 100, n)
}

// What a server sends beside the answer is read over: logs, extremes that a
// profile asks for, types that are written otherwise.
func TestWhatStandsBesideTheAnswer(t *testing.T) {
	c := hearing(said(func(b *proto.Buffer) {
		sayHello(b)
		sayBlock(b, false, 2, [2]string{"name", "String"})
		start := len(b.Buf)
		sayBlock(b, false, 2, [2]string{"name", "String"})
		b.Buf[start] = byte(proto.ServerCodeExtremes)
		start = len(b.Buf)
		sayBlock(b, false, 1, [2]string{"text", "String"}, [2]string{"source", "String"})
		b.Buf[start] = byte(proto.ServerCodeLog)
		proto.ServerCodeEndOfStream.Encode(b)
	}), None)
	require.NoError(t, c.greet(credentials{}, ""))
	require.NoError(t, c.ask(statement{sql: "SELECT"}, proto.CompressionDisabled))
	rows := 0
	require.NoError(t, c.read(&answer{data: func() error { return c.in.texts(1, func([]string) { rows++ }) }}))
	require.Equal(t, 2, rows)
}
