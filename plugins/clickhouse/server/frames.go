package server

import (
	"io"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// frameSize is how much is compressed at a time, as servers do it themselves.
const frameSize = 1 << 20

// frames compresses what is written to it, in frames of at most frameSize, or
// passes it on as it is. What is large already is not copied together first. It
// is for one goroutine.
type frames struct {
	to         io.Writer
	compressor *compress.Writer // nil for no compression
	held       []byte           // of the next frame
}

// newFrames compresses by one of the methods of Config.Compression.
func newFrames(method string) *frames {
	switch method {
	case LZ4:
		return &frames{compressor: compress.NewWriter(compress.LevelZero, compress.LZ4)}
	case ZSTD:
		return &frames{compressor: compress.NewWriter(compress.LevelZero, compress.ZSTD)}
	}
	return &frames{}
}

// reset begins anew, and drops what an earlier use has left.
func (f *frames) reset(to io.Writer) { f.to, f.held = to, f.held[:0] }

// Write implements io.Writer.
func (f *frames) Write(p []byte) (n int, err error) {
	if f.compressor == nil {
		return f.to.Write(p)
	}
	for len(p) > 0 {
		if len(f.held) == 0 && len(p) >= frameSize {
			if err := f.compress(p[:frameSize]); err != nil {
				return n, err
			}
			n, p = n+frameSize, p[frameSize:]
			continue
		}
		k := min(len(p), frameSize-len(f.held))
		f.held = append(f.held, p[:k]...)
		n, p = n+k, p[k:]
		if len(f.held) == frameSize {
			if err := f.Flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// Flush ends the frame that has begun.
func (f *frames) Flush() error {
	if len(f.held) == 0 {
		return nil
	}
	err := f.compress(f.held)
	f.held = f.held[:0]
	return err
}

func (f *frames) compress(raw []byte) error {
	if err := f.compressor.Compress(raw); err != nil {
		return err
	}
	_, err := f.to.Write(f.compressor.Data)
	return err
}

// blocks writes blocks in Native layout. It is for one goroutine.
type blocks struct {
	revision int // of the protocol; 0 for the format Native as HTTP takes it
	buf      proto.Buffer
	parts    column.Native
}

// write sends the rows from up to, not including, to.
func (b *blocks) write(w io.Writer, fields []field, from, to int) error {
	b.buf.Reset()
	if proto.FeatureBlockInfo.In(b.revision) {
		proto.BlockInfo{BucketNum: -1}.Encode(&b.buf)
	}
	b.buf.PutInt(len(fields))
	b.buf.PutInt(to - from)
	for _, f := range fields {
		b.buf.PutString(f.Name)
		b.buf.PutString(f.Type)
		if proto.FeatureCustomSerialization.In(b.revision) {
			b.buf.PutBool(false)
		}
		if _, err := w.Write(b.buf.Buf); err != nil {
			return err
		}
		b.buf.Reset()
		if from == to {
			continue // of no rows, a column has nothing
		}
		b.parts.Reset()
		f.values.State(&b.parts)
		f.values.Encode(&b.parts, from, to)
		for _, part := range b.parts.Parts() {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
	}
	b.parts.Reset() // keep nothing of the records alive
	_, err := w.Write(b.buf.Buf)
	return err
}
