package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ClickHouse/ch-go/proto"
)

// The engine's FORMAT Native is the protocol's block at revision 0. At the
// revision of the wire each block begins with its info, and each column has one
// more byte behind its type, which says whether its serialization is a special one.

// revision is what the server speaks. It is what ch-go and clickhouse-go know too.
const revision = proto.Version

// maxColumns bounds the columns of a block.
const maxColumns = 1 << 16

// errCustom is what a client gets that sends sparse columns: none of ours does.
var errCustom = errors.New("it has a serialization of its own, which this server does not read")

// wireBlock is one block as it goes to a client: what stands behind the packet's
// code and the name of the table.
type wireBlock struct {
	data []byte
	rows uint64
}

// toWire hands every block of a result to send.
func toWire(data []byte, send func(wireBlock) error) error {
	in := bytes.NewReader(data)
	for in.Len() > 0 {
		out := bytes.NewBuffer(blockInfo())
		w := &walker{in: in, out: out}
		columns, rows := w.varint(), w.varint()
		for ; columns > 0 && w.err == nil; columns-- {
			name, typ := w.text(), w.text()
			w.put([]byte{0})
			w.column(name, typ, rows)
		}
		if w.err != nil {
			return fmt.Errorf("reading the engine's blocks: %w", w.err)
		}
		if err := send(wireBlock{out.Bytes(), rows}); err != nil {
			return err
		}
	}
	return nil
}

func blockInfo() []byte {
	var buf proto.Buffer
	proto.BlockInfo{BucketNum: -1}.Encode(&buf)
	return buf.Buf
}

// headerOf is the block's names and types without its rows.
func headerOf(data []byte) ([]tableColumn, error) {
	in := bytes.NewReader(data)
	w := &walker{in: in, out: io.Discard}
	columns, rows := w.varint(), w.varint()
	var header []tableColumn
	for ; columns > 0 && w.err == nil; columns-- {
		c := tableColumn{Name: w.text(), Type: w.text()}
		w.column(c.Name, c.Type, rows)
		header = append(header, c)
	}
	return header, w.err
}

// emptyBlock is a block of these columns without rows.
func emptyBlock(columns []tableColumn) wireBlock {
	buf := blockInfo()
	buf = binary.AppendUvarint(buf, uint64(len(columns)))
	buf = append(buf, 0)
	for _, c := range columns {
		buf = appendText(buf, c.Name)
		buf = appendText(buf, c.Type)
		buf = append(buf, 0)
	}
	return wireBlock{data: buf}
}

func appendText(buf []byte, s string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}

// fromWire reads one block of a client's and writes it as the engine reads it.
// An empty one, which ends the data, is not written, and has no header. Rows is its
// number of rows.
func fromWire(in source, out io.Writer) (header []tableColumn, rows uint64, err error) {
	skip := &walker{in: in, out: io.Discard}
	if err := skipBlockInfo(skip); err != nil {
		return nil, 0, err
	}
	columns, rows := skip.takeVarint(), skip.takeVarint()
	if skip.err != nil {
		return nil, 0, skip.err
	}
	if columns > maxColumns || rows > maxCount {
		return nil, 0, errTooLarge
	}
	if columns == 0 && rows == 0 {
		return nil, 0, nil
	}
	w := &walker{in: in, out: out}
	w.put(binary.AppendUvarint(binary.AppendUvarint(nil, columns), rows))
	for i := columns; i > 0 && w.err == nil; i-- {
		name, typ := w.text(), w.text()
		if custom := w.take(1)[0]; custom != 0 {
			w.fail(fmt.Errorf("column %q of type %s: %w", name, typ, errCustom))
		}
		w.column(name, typ, rows)
		header = append(header, tableColumn{Name: name, Type: typ})
	}
	return header, rows, w.err
}

// skipBlockInfo reads the fields before a block: number and value, until number 0.
func skipBlockInfo(w *walker) error {
	for w.err == nil {
		switch field := w.takeVarint(); field {
		case 0:
			return w.err
		case 1:
			w.take(1)
		case 2:
			w.take(4)
		default:
			w.fail(fmt.Errorf("a block's info has the unknown field %d", field))
		}
	}
	return w.err
}
