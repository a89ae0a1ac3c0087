// Package ticks is the record that benchmarks and tests of the output's parts have
// in common: a trade of seven columns, 130 bytes of JSON.
package ticks

import (
	"fmt"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// Record is one trade.
const Record = `{"symbol":"BTCUSDT","ts":"2026-11-23T10:00:00.123456789Z","seq":9007199254740993,"side":"buy","price":64123.45,"qty":0.25,"venue":"X"}`

// Schema is a table of trades on a current server.
func Schema() *column.Schema {
	return column.NewSchema("ticks", []column.Spec{
		{Name: "symbol", Type: "LowCardinality(String)"},
		{Name: "ts", Type: "DateTime64(9, 'UTC')"},
		{Name: "seq", Type: "UInt64"},
		{Name: "side", Type: "Enum8('buy' = 1, 'sell' = 2)"},
		{Name: "price", Type: "Decimal(18, 8)"},
		{Name: "qty", Type: "Float64"},
		{Name: "venue", Type: "String"},
	})
}

// Records returns n trades, and how many bytes they have together.
func Records(n int) (records [][]byte, size int) {
	records = make([][]byte, n)
	for i := range records {
		records[i] = fmt.Appendf(nil, `{"symbol":"SYM%d","ts":"2026-11-23T10:00:00.%09dZ","seq":%d,"side":"buy","price":64123.%02d,"qty":0.%04d,"venue":"X"}`,
			i%100, i*1000, i+9007199254740993, i%100, i)
		size += len(records[i])
	}
	return records, size
}
