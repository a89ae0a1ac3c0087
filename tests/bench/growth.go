package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// shape is what records and tables look like in one point of a growth plot.
type shape struct {
	Size       int // bytes of a record; less than it needs by itself is what it needs
	Columns    int
	Tables     int
	Partitions int
	Keys       int // different values of the column key, a LowCardinality(String)
}

// axis is what grows while all else stays.
type axis struct {
	Name   string // of the file
	Title  string
	Unit   string
	Values []int
	set    func(*shape, int)
}

// axes are the plots. Each begins at or near the shape that the others keep.
var axes = []axis{
	{"size", "Size of a record", "bytes", []int{100, 300, 1000, 3000, 10_000}, func(s *shape, n int) { s.Size = n }},
	{"columns", "Columns of the table", "columns", []int{5, 10, 20, 50, 100}, func(s *shape, n int) { s.Columns = n }},
	{"tables", "Tables, in turns", "tables", []int{1, 5, 10, 25, 50}, func(s *shape, n int) { s.Tables = n }},
	{"partitions", "Partitions of the topic", "partitions", []int{1, 4, 16, 64}, func(s *shape, n int) { s.Partitions = n }},
	{"keys", "Different keys in a LowCardinality column", "keys", []int{10, 100, 1000, 10_000, 100_000}, func(s *shape, n int) { s.Keys = n }},
}

var baseShape = shape{Columns: 5, Tables: 1, Partitions: 4, Keys: 10}

func (a axis) shape(value int) shape {
	s := baseShape
	a.set(&s, value)
	return s
}

const (
	growthDatabase = "growth"
	// growthBytes and growthRecords bound what one run moves.
	growthBytes   = 400_000_000
	growthRecords = 600_000
)

// records is how many a run moves: a few seconds' worth.
func (s shape) records() int {
	size := len(newRecords(s).next(nil))
	return min(growthRecords, growthBytes/size) / 1000 * 1000
}

func (s shape) topic() string {
	return fmt.Sprintf("growth-%d-%d-%d-%d-%d", s.Size, s.Columns, s.Tables, s.Partitions, s.Keys)
}

func tableName(i int) string { return fmt.Sprintf("t%02d", i) }

// ddl makes one of the shape's tables. Beside seq, key and pad there are numbers
// and short texts in turns.
func (s shape) ddl(table string) string {
	columns := []string{"seq UInt64", "key LowCardinality(String)", "pad String"}
	for i := len(columns); i < s.Columns; i++ {
		columns = append(columns, fmt.Sprintf("c%d %s", i, []string{"Float64", "UInt32", "String"}[i%3]))
	}
	return fmt.Sprintf("CREATE TABLE %s.%s (%s) ENGINE = MergeTree ORDER BY seq", growthDatabase, table, strings.Join(columns, ", "))
}

// records makes the records of a shape. It is for one goroutine.
type records struct {
	shape shape
	rng   *rand.Rand
	seq   int
	pad   string
}

func newRecords(s shape) *records {
	r := &records{shape: s, rng: rand.New(rand.NewPCG(1, 0x67726f77)), seq: 0}
	if short := s.Size - len(r.next(nil)); short > 0 {
		r.pad = r.noise(short)
	}
	r.seq = 0
	return r
}

// noise is text that does not compress to nothing.
func (r *records) noise(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789"
	text := make([]byte, n)
	for i := range text {
		text[i] = letters[r.rng.IntN(len(letters))]
	}
	return string(text)
}

// next appends a record; all have about the same size.
func (r *records) next(b []byte) []byte {
	r.seq++
	b = append(b, `{"seq":`...)
	b = strconv.AppendInt(b, int64(r.seq), 10)
	b = append(b, `,"key":"key-`...)
	b = strconv.AppendInt(b, int64(100_000+r.rng.IntN(r.shape.Keys)), 10)
	b = append(b, `","pad":"`...)
	if len(r.pad) > 0 { // not the same text in each record
		at := r.rng.IntN(len(r.pad))
		b = append(append(b, r.pad[at:]...), r.pad[:at]...)
	}
	b = append(b, '"')
	for i := 3; i < r.shape.Columns; i++ {
		b = append(b, `,"c`...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, `":`...)
		switch i % 3 {
		case 0:
			b = strconv.AppendFloat(b, float64(r.rng.IntN(10_000_000))/1000, 'f', 3, 64)
		case 1:
			b = strconv.AppendInt(b, int64(r.rng.Uint32()), 10)
		default:
			b = append(b, '"')
			b = strconv.AppendInt(b, int64(r.rng.IntN(1_000_000_000)), 36)
			b = append(b, '"')
		}
	}
	return append(b, '}')
}

// table is where the last record goes.
func (r *records) table() string { return tableName(r.seq % r.shape.Tables) }
