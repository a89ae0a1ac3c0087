package column

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"unsafe"
)

// Native gathers values in the layout of ClickHouse's Native format: parts that
// are written or read one after the other, without being copied together. The
// parts alias the columns that they came from: a Native has to be used up
// before any of them is appended to or reset. The zero value is empty.
type Native struct {
	parts [][]byte
}

var (
	_ io.Reader   = (*Native)(nil)
	_ io.WriterTo = (*Native)(nil)
)

// Add adds bytes, which are not copied.
func (n *Native) Add(b []byte) {
	if len(b) > 0 {
		n.parts = append(n.parts, b)
	}
}

// Uint64 adds a number of 64 bits.
func (n *Native) Uint64(v uint64) { n.Add(binary.LittleEndian.AppendUint64(nil, v)) }

// Uvarint adds a number of variable length.
func (n *Native) Uvarint(v uint64) { n.Add(binary.AppendUvarint(nil, v)) }

// Parts returns what was added and is not read yet. It is valid until the next
// call of another method.
func (n *Native) Parts() [][]byte { return n.parts }

// Len is the number of bytes that were added and are not read yet.
func (n *Native) Len() (size int) {
	for _, part := range n.parts {
		size += len(part)
	}
	return size
}

// Reset makes n empty. It keeps the memory of the list of parts, not the parts.
func (n *Native) Reset() {
	clear(n.parts[:cap(n.parts)])
	n.parts = n.parts[:0]
}

// Read implements io.Reader.
func (n *Native) Read(p []byte) (int, error) {
	if len(n.parts) == 0 {
		return 0, io.EOF
	}
	done := copy(p, n.parts[0])
	if done == len(n.parts[0]) {
		n.parts = n.parts[1:]
	} else {
		n.parts[0] = n.parts[0][done:]
	}
	return done, nil
}

// WriteTo implements io.WriterTo. What it has written is gone, also after an
// error.
func (n *Native) WriteTo(w io.Writer) (written int64, err error) {
	for len(n.parts) > 0 {
		done, err := w.Write(n.parts[0])
		written += int64(done)
		if err != nil {
			n.parts[0] = n.parts[0][done:]
			return written, err
		}
		n.parts = n.parts[1:]
	}
	return written, nil
}

// Bytes returns a copy of what was added and is not read yet.
func (n *Native) Bytes() []byte { return slices.Concat(n.parts...) }

// rawBytes is the memory of a slice of numbers.
func rawBytes[T any](values []T) []byte {
	if len(values) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(values[0])))
}

// CheckByteOrder refuses machines whose numbers do not look as ClickHouse's
// Native format wants them.
func CheckByteOrder() error {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return errors.New("big-endian machines are not supported")
	}
	return nil
}
