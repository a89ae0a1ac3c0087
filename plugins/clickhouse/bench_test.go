package clickhouse

import (
	"encoding/json"
	"io"
	"testing"
	"time"

	chproto "github.com/ClickHouse/ch-go/proto"
	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	goccy "github.com/goccy/go-json"
	shopspring "github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/tests/stack/ticks"
)

// benchRows is how many rows a benchmark's block has.
const benchRows = 10_000

// driverColumns are the driver's columns of a schema, empty.
func driverColumns(b *testing.B, s *column.Schema) []chcolumn.Interface {
	b.Helper()
	var columns []chcolumn.Interface
	for _, c := range s.Columns {
		column, err := chcolumn.Type(c.Type).Column(c.Name, &chcolumn.ServerContext{})
		require.NoError(b, err)
		columns = append(columns, column)
	}
	return columns
}

// perRow reports what a benchmark of whole blocks took for each row.
func perRow(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
}

type tickRow struct {
	Symbol string             `json:"symbol"`
	TS     time.Time          `json:"ts"`
	Seq    uint64             `json:"seq"`
	Side   string             `json:"side"`
	Price  shopspring.Decimal `json:"price"`
	Qty    float64            `json:"qty"`
	Venue  string             `json:"venue"`
}

func (r *tickRow) values() [7]any {
	return [...]any{r.Symbol, r.TS, r.Seq, r.Side, r.Price, r.Qty, r.Venue}
}

// encode lays the driver's columns out for the wire.
func encode(columns []chcolumn.Interface) {
	var buf chproto.Buffer
	for _, c := range columns {
		c.Encode(&buf)
	}
}

// From JSON to what is sent: ours, against a struct that is filled by a library
// and appended by the driver, row by row.
func BenchmarkTicksToColumns(b *testing.B) {
	records, size := ticks.Records(benchRows)
	b.Run("ours", func(b *testing.B) {
		d := decoderFor(ticks.Schema(), false)
		b.SetBytes(int64(size))
		b.ReportAllocs()
		for b.Loop() {
			if len(d.Blocks()) > 0 {
				d.Blocks()[0].Reset()
			}
			for i, record := range records {
				if err := d.Add(record, i); err != nil {
					b.Fatal(err)
				}
			}
			var wire column.Native
			for _, c := range d.Blocks()[0].Columns {
				c.State(&wire)
				c.Encode(&wire, 0, benchRows)
			}
			if _, err := wire.WriteTo(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
		perRow(b)
	})
	for name, unmarshal := range map[string]func([]byte, any) error{"encoding_json": json.Unmarshal, "goccy": goccy.Unmarshal} {
		b.Run(name+"_and_Append", func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				columns := driverColumns(b, ticks.Schema())
				for _, record := range records {
					var row tickRow
					if err := unmarshal(record, &row); err != nil {
						b.Fatal(err)
					}
					appendRow(b, columns, &row)
				}
				encode(columns)
			}
			perRow(b)
		})
	}
	b.Run("Append_alone", func(b *testing.B) {
		rows := make([]tickRow, benchRows)
		for i, record := range records {
			require.NoError(b, json.Unmarshal(record, &rows[i]))
		}
		b.ReportAllocs()
		for b.Loop() {
			columns := driverColumns(b, ticks.Schema())
			for i := range rows {
				appendRow(b, columns, &rows[i])
			}
		}
		perRow(b)
	})
}

func appendRow(b *testing.B, columns []chcolumn.Interface, row *tickRow) {
	b.Helper()
	for i, v := range row.values() {
		if err := columns[i].AppendRow(v); err != nil {
			b.Fatal(err)
		}
	}
}

// One value of each type, in a record of its own.
func BenchmarkDecodeType(b *testing.B) {
	for _, c := range roundTrips {
		b.Run(c.typ, func(b *testing.B) {
			s := column.NewSchema("t", []column.Spec{{Name: "c", Type: c.typ}})
			d := decoderFor(s, false)
			record := []byte(`{"c":` + c.json + `}`)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n%benchRows == 0 && len(d.Blocks()) > 0 {
					d.Blocks()[0].Reset()
				}
				if err := d.Add(record, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeTick(b *testing.B) {
	records, size := ticks.Records(benchRows)
	d := decoderFor(ticks.Schema(), false)
	b.SetBytes(int64(size / benchRows))
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; b.Loop(); n++ {
		if n%benchRows == 0 && len(d.Blocks()) > 0 {
			d.Blocks()[0].Reset()
		}
		if err := d.Add(records[n%benchRows], n); err != nil {
			b.Fatal(err)
		}
	}
}

var strictTimes = column.Rules{EpochDigits: -1}

func decoderFor(s *column.Schema, reject bool) *decoder {
	return newDecoder(s, &config{rejectUnknown: reject}, func() (*column.Block, error) { return newBlock(s, strictTimes) })
}
