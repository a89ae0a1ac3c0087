// Package column is a stand-in until the real one is merged.
package column

import (
	"io"
	"strings"
)

type Native struct {
	Revision int
	parts    [][]byte
}

func (n *Native) Add(b []byte) { n.parts = append(n.parts, b) }
func (n *Native) Reset()       { n.parts = n.parts[:0] }
func (n *Native) WriteTo(w io.Writer) (total int64, err error) {
	for _, p := range n.parts {
		k, err := w.Write(p)
		total += int64(k)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

type Column interface {
	Len() int
	State(dst *Native)
	Encode(dst *Native, from, to int)
}

type Spec struct {
	Name, Type string
	HasDefault bool
}

type Schema struct {
	Table   string
	Columns []Spec
	index   map[string]int
}

func NewSchema(table string, columns []Spec) *Schema {
	s := &Schema{Table: table, Columns: columns, index: map[string]int{}}
	for i, c := range columns {
		s.index[c.Name] = i
	}
	return s
}

func (s *Schema) Index(name string) (int, bool) { i, ok := s.index[name]; return i, ok }

type Block struct {
	Schema  *Schema
	Columns []Column
	Absent  []bool
	Rows    []int
	Weight  int
}

func (b *Block) Len() int { return len(b.Rows) }

type Part struct {
	Block    *Block
	From, To int
}

func Same(a, b string) bool {
	return strings.ReplaceAll(a, " ", "") == strings.ReplaceAll(b, " ", "")
}
