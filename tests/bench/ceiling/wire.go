package main

import (
	"context"
	"fmt"
	"net"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
)

// wire is one connection of ClickHouse's native protocol that can do one
// thing: insert a block that ch-go has encoded. It is for one goroutine.
type wire struct {
	conn       net.Conn
	reader     *proto.Reader
	buf        proto.Buffer
	compressor *compress.Writer
	version    int // of the protocol, which both sides speak
}

func dial(ctx context.Context, address string) (*wire, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connecting to ClickHouse: %w", err)
	}
	w := &wire{
		conn:       conn,
		reader:     proto.NewReader(conn),
		compressor: compress.NewWriter(compress.LevelZero, compress.LZ4),
		version:    proto.Version,
	}
	if err := w.greet(); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("greeting ClickHouse: %w", err)
	}
	return w, nil
}

func (w *wire) greet() error {
	proto.ClientHello{Name: "ceiling", ProtocolVersion: w.version, Database: "default", User: "default"}.Encode(&w.buf)
	if err := w.send(); err != nil {
		return err
	}
	if err := w.await(proto.ServerCodeHello); err != nil {
		return err
	}
	var hello proto.ServerHello
	if err := hello.DecodeAware(w.reader, w.version); err != nil {
		return err
	}
	w.version = min(w.version, hello.Revision)
	if proto.FeatureAddendum.In(w.version) {
		w.buf.PutString("") // no quota key
		return w.send()
	}
	return nil
}

// insert returns when the server has stored the block.
func (w *wire) insert(statement string, input proto.Input) error {
	w.query(statement)
	if err := w.block(nil); err != nil { // no external tables
		return err
	}
	if err := w.send(); err != nil {
		return err
	}
	if err := w.await(proto.ServerCodeData); err != nil {
		return err
	}
	if err := w.header(); err != nil {
		return err
	}
	if err := w.block(input); err != nil {
		return err
	}
	if err := w.block(nil); err != nil { // the end
		return err
	}
	if err := w.send(); err != nil {
		return err
	}
	return w.await(proto.ServerCodeEndOfStream)
}

// query appends a query without settings. proto.Query would leave out the
// information on the client for servers as old as 18.16, which expect it.
func (w *wire) query(statement string) {
	proto.ClientCodeQuery.Encode(&w.buf)
	w.buf.PutString("") // the server finds an id
	proto.ClientInfo{
		ProtocolVersion: w.version,
		Interface:       proto.InterfaceTCP,
		Query:           proto.ClientQueryInitial,
		ClientName:      "ceiling",
		InitialAddress:  w.conn.LocalAddr().String(),
	}.EncodeAware(&w.buf, w.version)
	w.buf.PutString("") // end of settings
	if proto.FeatureInterServerSecret.In(w.version) {
		w.buf.PutString("")
	}
	proto.StageComplete.Encode(&w.buf)
	proto.CompressionEnabled.Encode(&w.buf)
	w.buf.PutString(statement)
	if proto.FeatureParameters.In(w.version) {
		w.buf.PutString("") // end of parameters
	}
}

// block appends one compressed block to the buffer.
func (w *wire) block(input proto.Input) error {
	proto.ClientCodeData.Encode(&w.buf)
	proto.ClientData{}.EncodeAware(&w.buf, w.version)
	start := len(w.buf.Buf)
	b := proto.Block{Columns: len(input), Info: proto.BlockInfo{BucketNum: -1}}
	if len(input) > 0 {
		b.Rows = input[0].Data.Rows()
	}
	if err := b.EncodeBlock(&w.buf, w.version, input); err != nil {
		return err
	}
	if err := w.compressor.Compress(w.buf.Buf[start:]); err != nil {
		return err
	}
	w.buf.Buf = append(w.buf.Buf[:start], w.compressor.Data...)
	return nil
}

func (w *wire) send() error {
	_, err := w.conn.Write(w.buf.Buf)
	w.buf.Reset()
	return err
}

// header reads the empty block that tells the columns, which are known.
func (w *wire) header() error {
	if _, err := w.reader.Str(); err != nil { // the name of an external table
		return err
	}
	w.reader.EnableCompression()
	defer w.reader.DisableCompression()
	var b proto.Block
	var columns proto.ColInfoInput
	return b.DecodeBlock(w.reader, w.version, &columns)
}

// await reads what the server says up to the packet that is waited for, whose
// content is left to the caller.
func (w *wire) await(code proto.ServerCode) error {
	for {
		n, err := w.reader.UVarInt()
		if err != nil {
			return err
		}
		switch got := proto.ServerCode(n); got {
		case code:
			return nil
		case proto.ServerCodeException:
			var e proto.Exception
			if err := e.DecodeAware(w.reader, w.version); err != nil {
				return err
			}
			return fmt.Errorf("code %d: %s", int32(e.Code), e.Message)
		case proto.ServerCodeProgress:
			err = new(proto.Progress).DecodeAware(w.reader, w.version)
		case proto.ServerCodeProfile:
			err = new(proto.Profile).DecodeAware(w.reader, w.version)
		case proto.ServerCodeTableColumns:
			err = new(proto.TableColumns).DecodeAware(w.reader, w.version)
		default:
			return fmt.Errorf("the server sent %s where %s is due", got, code)
		}
		if err != nil {
			return err
		}
	}
}
