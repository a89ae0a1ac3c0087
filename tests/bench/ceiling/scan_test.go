package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/bench/tick"
)

func TestScanReadsWhatTheJSONSays(t *testing.T) {
	var s scanner
	gen := tick.New(7)
	for range 3000 {
		record := gen.AppendNext(nil)
		var r row
		rest, err := s.scan(record, &r)
		require.NoError(t, err)
		require.Empty(t, rest)
		var want struct {
			Seq                 uint64
			TS                  time.Time
			Symbol, Venue, Side string
			Price, Qty          float64
		}
		require.NoError(t, json.Unmarshal(record, &want))
		require.Equal(t, want.Seq, r.seq)
		require.Equal(t, want.TS.Unix(), int64(r.ts))
		require.Equal(t, want.Symbol, string(r.symbol))
		require.Equal(t, want.Venue, string(r.venue))
		require.Equal(t, want.Side, tick.Sides[r.side-1])
		require.Equal(t, fmt.Sprint(want.Price, want.Qty), fmt.Sprint(r.price, r.qty)) // to the last bit
	}
}

func TestScanWalksThroughAFrame(t *testing.T) {
	var s scanner
	var r row
	rest := tick.New(1).AppendFrame(nil, 5)
	for want := range 5 {
		var err error
		rest, err = s.scan(rest, &r)
		require.NoError(t, err)
		require.EqualValues(t, want+1, r.seq)
	}
	assert.Empty(t, rest)
}

// Whatever is not the one form is an error, never a value of its own.
func TestScanRefusesWhatItDoesNotKnow(t *testing.T) {
	const good = `{"seq":12,"ts":"2026-01-02T15:04:05Z","symbol":"A","venue":"B","side":"buy","price":1.25,"qty":3}`
	var r row
	_, err := new(scanner).scan([]byte(good), &r)
	require.NoError(t, err)
	assert.InDelta(t, 3, r.qty, 0)
	for was, becomes := range map[string]string{
		`"seq":12`:        `"seq":"12"`,
		`15:04:05Z`:       `15:04:05+01:00`,
		`15:04`:           `25:04`,
		`15:04:05`:        `15:0x:05`,
		`2026-01-02`:      `2026-13-02`,
		`2026`:            `1926`,
		`"A"`:             `"\u0041"`,
		`"buy"`:           `"hold"`,
		`1.25`:            `1.25e3`,
		`"price":1.25`:    `"price":.25`,
		`"price":1.`:      `"price":1.2.`,
		`:3}`:             `:3.}`,
		`"qty":3`:         `"qty":12345678901234567890`,
		`"qty":3}`:        `"qty":3} `,
		`,"venue":"B"`:    ``,
		`{"seq"`:          `{ "seq"`,
		`"side":"buy",`:   `"side":"buy`,
		`"symbol":"A","v`: `"symbol":null,"v`,
	} {
		text := strings.Replace(good, was, becomes, 1)
		require.NotEqual(t, good, text, was)
		_, err := new(scanner).scan([]byte(text), &r)
		assert.ErrorContains(t, err, "not in the expected form", "%s", text)
	}
	for cut := range len(good) {
		_, err := new(scanner).scan([]byte(good[:cut]), &r)
		assert.Error(t, err, "%s", good[:cut])
	}
}

func BenchmarkScan(b *testing.B) {
	var s scanner
	var r row
	record := tick.New(1).AppendNext(nil)
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.scan(record, &r); err != nil {
			b.Fatal(err)
		}
	}
}
