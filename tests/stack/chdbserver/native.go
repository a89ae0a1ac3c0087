package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
)

// helloQuery is the driver's first query. It decodes the answer at its own
// protocol revision, and everything later at the revision that the answer
// reports: 0, which is what FORMAT Native is.
const helloQuery = "SELECT displayName(), version(), revision(), timezone()"

// hello is helloQuery's answer at the revision that the driver can read.
func hello(version string, clientRevision int) ([]byte, error) {
	name, ver, zone := new(proto.ColStr), new(proto.ColStr), new(proto.ColStr)
	revision := new(proto.ColUInt32)
	name.Append("chDB")
	ver.Append(version)
	revision.Append(0)
	zone.Append("UTC")
	block := proto.Block{Rows: 1, Columns: 4, Info: proto.BlockInfo{BucketNum: -1}}
	var buf proto.Buffer
	err := block.EncodeBlock(&buf, clientRevision, []proto.InputColumn{
		{Name: "displayName()", Data: name},
		{Name: "version()", Data: ver},
		{Name: "revision()", Data: revision},
		{Name: "timezone()", Data: zone},
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the answer to the driver's first query: %w", err)
	}
	return buf.Buf, nil
}

// pack compresses a result as `compress=1` asks, in frames of at most 1 MiB.
func pack(data []byte, method string) ([]byte, error) {
	m := compress.LZ4
	if strings.EqualFold(method, "ZSTD") {
		m = compress.ZSTD
	}
	w := compress.NewWriter(compress.LevelZero, m)
	var out bytes.Buffer
	for len(data) > 0 {
		n := min(len(data), 1<<20)
		if err := w.Compress(data[:n]); err != nil {
			return nil, fmt.Errorf("compressing the result: %w", err)
		}
		out.Write(w.Data)
		data = data[n:]
	}
	return out.Bytes(), nil
}

// unpack reads a body that `decompress=1` announced. A body that ends within a
// frame is an error, one that ends behind a frame has ended.
func unpack(body io.Reader) io.Reader {
	in := bufio.NewReader(body)
	return &unpacker{in: in, frames: compress.NewReader(in)}
}

type unpacker struct {
	in     *bufio.Reader
	frames *compress.Reader
}

func (u *unpacker) Read(p []byte) (int, error) {
	_, ended := u.in.Peek(1)
	n, err := u.frames.Read(p)
	switch {
	case err == nil || !errors.Is(err, io.EOF):
		return n, err
	case errors.Is(ended, io.EOF):
		return n, io.EOF
	default:
		return n, fmt.Errorf("decompressing the body: %w", io.ErrUnexpectedEOF)
	}
}
