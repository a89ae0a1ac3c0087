package main

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// notStored are types that no table has.
var notStored = []string{"Interval", "Nullable(Nothing)", "Array(Nothing)"}

// Blocks of every type, of those too that the driver does not know, go in over
// the wire as the engine has written them, whichever way it writes JSON.
func TestEveryTypeIsInsertedFromTheWire(t *testing.T) {
	ch := stack.Shared.ClickHouse(t, stack.KindChDB)
	var list []string
	for i, c := range columnList() {
		if typ := manyTypes[i].typ; typ != notStored[1] && typ != notStored[2] && !strings.HasPrefix(typ, notStored[0]) {
			list = append(list, c)
		}
	}
	const allow = "allow_suspicious_low_cardinality_types = 1, allow_suspicious_variant_types = 1, flatten_nested = 0"
	const print = " FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers = 0"
	selected := "SELECT " + strings.Join(list, ", ") + " FROM numbers(20)"
	post(t, ch, nil, "DROP TABLE IF EXISTS made_types")
	post(t, ch, nil, "CREATE TABLE made_types ENGINE = Memory AS "+selected+" SETTINGS "+allow)
	for i, settings := range nativeSettings {
		t.Run(settings, func(t *testing.T) {
			table := fmt.Sprintf("wire_types_%d", i)
			post(t, ch, nil, "DROP TABLE IF EXISTS "+table)
			post(t, ch, nil, "CREATE TABLE "+table+" AS made_types")
			data := post(t, ch, nil, "SELECT * FROM made_types SETTINGS "+settings+" FORMAT Native")
			sendBlocks(t, ch, "INSERT INTO "+table+" FORMAT Native", data)
			want := string(post(t, ch, nil, "SELECT * FROM made_types"+print))
			require.Equal(t, 20, strings.Count(want, "\n"))
			assert.Equal(t, want, string(post(t, ch, nil, "SELECT * FROM "+table+print)))
		})
	}
}

// sendBlocks inserts what the engine has written by the native protocol.
func sendBlocks(t *testing.T, ch stack.ClickHouse, sql string, data []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", ch.NativeAddr())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	var out proto.Buffer
	proto.ClientHello{Name: "test", ProtocolVersion: revision, User: ch.User(), Password: ch.Password()}.Encode(&out)
	out.PutString("")
	q := proto.Query{Body: sql, Stage: proto.StageComplete}
	q.Info = proto.ClientInfo{Interface: proto.InterfaceTCP, Query: proto.ClientQueryInitial}
	q.EncodeAware(&out, revision)
	packet := func(b wireBlock) error {
		proto.ClientCodeData.Encode(&out)
		out.PutString("")
		out.PutRaw(b.data)
		return nil
	}
	require.NoError(t, packet(emptyBlock(nil)))
	require.NoError(t, toWire(data, packet))
	require.NoError(t, packet(emptyBlock(nil)))
	go func() { _, _ = conn.Write(out.Buf) }()

	in := proto.NewReader(conn)
	var hello proto.ServerHello
	expect(t, in, proto.ServerCodeHello)
	require.NoError(t, hello.DecodeAware(in, revision))
	expect(t, in, proto.ServerCodeTableColumns)
	require.NoError(t, new(proto.TableColumns).DecodeAware(in, revision))
	expect(t, in, proto.ServerCodeData)
	_, err = in.Str()
	require.NoError(t, err)
	var header bytes.Buffer
	_, rows, err := fromWire(in, &header)
	require.NoError(t, err)
	require.Zero(t, rows)
	expect(t, in, proto.ServerCodeProgress)
}

func expect(t *testing.T, in *proto.Reader, want proto.ServerCode) {
	t.Helper()
	got, err := in.UVarInt()
	require.NoError(t, err)
	if proto.ServerCode(got) == proto.ServerCodeException {
		var e proto.Exception
		require.NoError(t, e.DecodeAware(in, revision))
		require.Failf(t, "exception", "%d: %s", e.Code, e.Message)
	}
	require.Equal(t, want, proto.ServerCode(got))
}
