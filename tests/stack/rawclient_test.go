package stack

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/require"
)

// rawClient speaks the native protocol by ch-go's packets alone, at its
// revision: what the driver hides can be seen, and left out.
type rawClient struct {
	t           *testing.T
	conn        net.Conn
	in          *proto.Reader
	out         proto.Buffer
	hello       proto.ServerHello
	compression proto.Compression
	compressor  *compress.Writer
}

// rawAnswer is what a statement was answered with.
type rawAnswer struct {
	packets   []proto.ServerCode
	progress  proto.Progress // the sum
	profile   proto.Profile
	events    map[string]int64
	columns   proto.TableColumns
	rows      int
	exception *proto.Exception
}

func dialRaw(t *testing.T, ch ClickHouse) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", ch.NativeAddr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	c := &rawClient{t: t, conn: conn, in: proto.NewReader(conn)}
	proto.ClientHello{Name: "raw", ProtocolVersion: proto.Version, User: ch.User(), Password: ch.Password()}.Encode(&c.out)
	c.flush()
	require.Equal(t, proto.ServerCodeHello, c.code())
	require.NoError(t, c.hello.DecodeAware(c.in, proto.Version))
	c.out.PutString("") // the addendum's quota key
	c.flush()
	return c
}

func (c *rawClient) flush() {
	c.t.Helper()
	_, err := c.conn.Write(c.out.Buf)
	require.NoError(c.t, err)
	c.out.Reset()
}

func (c *rawClient) code() proto.ServerCode {
	c.t.Helper()
	code, err := c.in.UVarInt()
	require.NoError(c.t, err)
	return proto.ServerCode(code)
}

// query sends a statement and the end of its external tables.
func (c *rawClient) query(sql string, settings ...proto.Setting) {
	c.t.Helper()
	c.statement(sql, settings...)
	c.block()
}

// statement sends a statement, whose external tables come next.
func (c *rawClient) statement(sql string, settings ...proto.Setting) {
	c.t.Helper()
	q := proto.Query{Body: sql, Settings: settings, Compression: c.compression, Stage: proto.StageComplete}
	q.Info = proto.ClientInfo{Interface: proto.InterfaceTCP, Query: proto.ClientQueryInitial, ProtocolVersion: proto.Version}
	q.EncodeAware(&c.out, proto.Version)
}

// block sends one data packet; without columns it ends the data.
func (c *rawClient) block(columns ...proto.InputColumn) {
	c.t.Helper()
	c.blockOf("", columns...)
}

// blockOf sends one data packet of the external table of a name.
func (c *rawClient) blockOf(table string, columns ...proto.InputColumn) {
	c.t.Helper()
	proto.ClientCodeData.Encode(&c.out)
	proto.ClientData{TableName: table}.EncodeAware(&c.out, proto.Version)
	start := len(c.out.Buf)
	b := proto.Block{Info: proto.BlockInfo{BucketNum: -1}, Columns: len(columns)}
	if len(columns) > 0 {
		b.Rows = columns[0].Data.Rows()
	}
	require.NoError(c.t, b.EncodeBlock(&c.out, proto.Version, columns))
	if c.compressor != nil {
		require.NoError(c.t, c.compressor.Compress(c.out.Buf[start:]))
		c.out.Buf = append(c.out.Buf[:start], c.compressor.Data...)
	}
	c.flush()
}

// header reads until the block that says what an INSERT expects, as "name type".
func (c *rawClient) header() (a rawAnswer, columns []string) {
	c.t.Helper()
	for {
		switch code := c.code(); code {
		case proto.ServerCodeTableColumns:
			require.NoError(c.t, a.columns.DecodeAware(c.in, proto.Version))
		case proto.ServerCodeData:
			c.data(true, headerResult{&columns})
			return a, columns
		case proto.ServerCodeException:
			a.exception = c.readException()
			return a, nil
		default:
			require.Failf(c.t, "unexpected packet", "%s", code)
		}
	}
}

// headerResult takes a block without rows.
type headerResult struct{ columns *[]string }

func (h headerResult) DecodeResult(r *proto.Reader, _ int, b proto.Block) error {
	for range b.Columns {
		name, err := r.Str()
		if err != nil {
			return err
		}
		typ, err := r.Str()
		if err != nil {
			return err
		}
		if custom, err := r.Bool(); err != nil || custom {
			return fmt.Errorf("custom serialization %v: %w", custom, err)
		}
		*h.columns = append(*h.columns, name+" "+typ)
	}
	return nil
}

func (c *rawClient) data(compressible bool, result proto.Result) proto.Block {
	c.t.Helper()
	_, err := c.in.Str()
	require.NoError(c.t, err)
	if compressible && c.compression == proto.CompressionEnabled {
		c.in.EnableCompression()
		defer c.in.DisableCompression()
	}
	var b proto.Block
	require.NoError(c.t, b.DecodeBlock(c.in, proto.Version, result))
	return b
}

func (c *rawClient) readException() *proto.Exception {
	c.t.Helper()
	e := &proto.Exception{}
	require.NoError(c.t, e.DecodeAware(c.in, proto.Version))
	return e
}

// answer reads all packets of a statement; the blocks' columns go to result.
func (c *rawClient) answer(result proto.Result) (a rawAnswer) {
	c.t.Helper()
	for {
		code := c.code()
		a.packets = append(a.packets, code)
		switch code {
		case proto.ServerCodeData:
			a.rows += c.data(true, result).Rows
		case proto.ServerCodeProgress:
			var p proto.Progress
			require.NoError(c.t, p.DecodeAware(c.in, proto.Version))
			a.progress.Rows, a.progress.WroteRows, a.progress.WroteBytes = a.progress.Rows+p.Rows, a.progress.WroteRows+p.WroteRows, a.progress.WroteBytes+p.WroteBytes
		case proto.ServerCodeProfile:
			require.NoError(c.t, a.profile.DecodeAware(c.in, proto.Version))
		case proto.ServerProfileEvents:
			a.events = c.readEvents()
		case proto.ServerCodeException:
			a.exception = c.readException()
			return a
		case proto.ServerCodeEndOfStream:
			return a
		default:
			require.Failf(c.t, "unexpected packet", "%s", code)
		}
	}
}

func (c *rawClient) readEvents() map[string]int64 {
	c.t.Helper()
	var data proto.ProfileEvents
	c.data(false, data.Result())
	all, err := data.All()
	require.NoError(c.t, err)
	events := map[string]int64{}
	for _, e := range all {
		events[e.Name] = e.Value
	}
	return events
}
