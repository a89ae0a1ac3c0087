package server

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
)

// The bounds of what is read from a server: nothing that it sends is taken for
// a size before it is looked at.
const (
	longestString = 16 << 20
	mostColumns   = 100_000
	mostRows      = 10_000_000
	mostNested    = 16 // exceptions in an exception
	mostAnswer    = 256 << 20
	textCost      = 16 // of a text beside its bytes
	// readBufferSize is what ch-go's reader has itself, so that it takes ours, of
	// which we know what is in it.
	readBufferSize = 128 << 10
)

// packets reads what a server sends over the native protocol. It is for one
// goroutine.
type packets struct {
	*proto.Reader
	revision int
	budget   int // bytes of strings that an answer may still have
}

func newPackets(from *bufio.Reader) *packets {
	return &packets{Reader: proto.NewReader(from), budget: mostAnswer}
}

// str reads a text.
func (p *packets) str() (string, error) {
	n, err := p.UVarInt()
	if err != nil {
		return "", err
	}
	if n > longestString || int(n)+textCost > p.budget { //nolint:gosec // compared before
		return "", fmt.Errorf("%w: a text of %d bytes", errUnexpected, n)
	}
	p.budget -= int(n) + textCost //nolint:gosec // compared before
	b := make([]byte, n)
	if err := p.ReadFull(b); err != nil {
		return "", err
	}
	return string(b), nil
}

// skip drops n bytes.
func (p *packets) skip(n int64) error {
	_, err := io.CopyN(io.Discard, p.Reader, n)
	return err
}

// code reads what kind of packet comes next.
func (p *packets) code() (proto.ServerCode, error) {
	n, err := p.UVarInt()
	if err != nil {
		return 0, err
	}
	if n > 255 {
		return 0, fmt.Errorf("%w: packet %d", errUnexpected, n)
	}
	return proto.ServerCode(n), nil
}

// exception reads the server's error, with those that it holds.
func (p *packets) exception() (*Exception, error) {
	var first *Exception
	for range mostNested {
		code, err := p.Int32()
		if err != nil {
			return nil, err
		}
		var texts [3]string // name, message, stack trace
		for i := range texts {
			if texts[i], err = p.str(); err != nil {
				return nil, err
			}
		}
		if first == nil {
			first = &Exception{Code: int(code), Message: strings.TrimSpace(texts[1])}
		}
		more, err := p.ReadByte()
		if err != nil {
			return nil, err
		}
		if more == 0 {
			return first, nil
		}
	}
	return first, nil
}

// columnInfo is a column of a block that a server sends.
type columnInfo struct{ name, typ string }

// head reads the beginning of a block: how many columns and rows it has.
func (p *packets) head() (columns, rows int, err error) {
	if proto.FeatureBlockInfo.In(p.revision) {
		if err := new(proto.BlockInfo).Decode(p.Reader); err != nil {
			return 0, 0, err
		}
	}
	for _, n := range []*int{&columns, &rows} {
		v, err := p.UVarInt()
		if err != nil {
			return 0, 0, err
		}
		if v > mostRows {
			return 0, 0, fmt.Errorf("%w: a block of %d rows or columns", errUnexpected, v)
		}
		*n = int(v) //nolint:gosec // bounded
	}
	if columns > mostColumns {
		return 0, 0, fmt.Errorf("%w: a block of %d columns", errUnexpected, columns)
	}
	return columns, rows, nil
}

// column reads the name and the type of the next column of a block.
func (p *packets) column() (c columnInfo, err error) {
	if c.name, err = p.str(); err != nil {
		return c, err
	}
	if c.typ, err = p.str(); err != nil {
		return c, err
	}
	if proto.FeatureCustomSerialization.In(p.revision) {
		custom, err := p.ReadByte()
		if err != nil {
			return c, err
		}
		if custom != 0 {
			return c, fmt.Errorf("%w: column %q has a serialization of its own", errUnexpected, c.name)
		}
	}
	return c, nil
}

// header reads a block of no rows: the columns that an INSERT is to have.
func (p *packets) header() ([]columnInfo, error) {
	n, rows, err := p.head()
	if err != nil {
		return nil, err
	}
	if rows != 0 {
		return nil, fmt.Errorf("%w: %d rows where the columns of an INSERT are due", errUnexpected, rows)
	}
	infos := make([]columnInfo, 0, min(n, 1000))
	for range n {
		c, err := p.column()
		if err != nil {
			return nil, err
		}
		infos = append(infos, c)
	}
	return infos, nil
}

// texts reads a block whose columns are all of type String, and so many unless
// that is 0.
func (p *packets) texts(want int, row func([]string)) error {
	columns, rows, err := p.head()
	if err != nil {
		return err
	}
	if columns == 0 {
		return nil
	}
	if want != 0 && columns != want {
		return fmt.Errorf("%w: %d columns, not %d", errUnexpected, columns, want)
	}
	table := make([][]string, 0, min(rows, 1000))
	for c := range columns {
		info, err := p.column()
		if err != nil {
			return err
		}
		if info.typ != "String" && rows > 0 {
			return fmt.Errorf("%w: column %q is %s, not String", errUnexpected, info.name, info.typ)
		}
		for i := range rows {
			if c == 0 {
				table = append(table, nil)
			}
			text, err := p.str()
			if err != nil {
				return err
			}
			table[i] = append(table[i], text)
		}
	}
	for _, texts := range table {
		row(texts)
	}
	return nil
}

// event is a number that the server has counted for a query.
type event struct {
	name  string
	value uint64
}

// fixedSizes are the types of the columns of logs and profile events.
var fixedSizes = map[string]int64{"UInt64": 8, "Int64": 8, "UInt32": 4, "DateTime": 4, "Int8": 1, "UInt8": 1, "Enum8": 1}

// events reads a block of logs or of profile events, and calls event for each of
// the latter.
func (p *packets) events(each func(event)) error {
	columns, rows, err := p.head()
	if err != nil {
		return err
	}
	var names []string
	for range columns {
		c, err := p.column()
		if err != nil {
			return err
		}
		base, _, _ := strings.Cut(c.typ, "(")
		size, fixed := fixedSizes[base]
		switch {
		case c.name == "name" && base == "String":
			for range rows {
				name, err := p.str()
				if err != nil {
					return err
				}
				names = append(names, name)
			}
		case c.name == "value" && size == 8:
			for i := range rows {
				v, err := p.UInt64()
				if err != nil {
					return err
				}
				if i < len(names) {
					each(event{names[i], v})
				}
			}
		case base == "String":
			for range rows {
				if _, err := p.str(); err != nil {
					return err
				}
			}
		case fixed:
			if err := p.skip(size * int64(rows)); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%w: a column of type %s among events", errUnexpected, c.typ)
		}
	}
	return nil
}
