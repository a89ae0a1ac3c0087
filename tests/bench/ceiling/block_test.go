package main

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/tests/bench/tick"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stack.Main(m)) }

// Both clients store what was scanned, again and again with the same block.
func TestBlocksStoreTheSameRows(t *testing.T) {
	ch := stack.Shared.ClickHouse(t, stack.KindLegacy)
	require.NoError(t, ch.Exec(t.Context(), "CREATE DATABASE IF NOT EXISTS "+tick.Database))
	var results [][][]string
	for _, client := range []string{"chgo", "clickhouse-go"} {
		require.NoError(t, ch.Exec(t.Context(), "DROP TABLE IF EXISTS "+tick.Database+"."+tick.Table))
		require.NoError(t, ch.Exec(t.Context(), tick.DDL))
		blocks, closeClient, err := openClient(t.Context(), options{client: client, clickhouse: ch.NativeAddr()})
		require.NoError(t, err)
		b, gen := blocks(), tick.New(5)
		for range 3 {
			fillBlock(t, b, gen, 1000)
			require.NoError(t, b.insert(t.Context()))
			b.reset()
		}
		closeClient()
		rows, err := ch.Query(t.Context(), "SELECT * FROM "+tick.Database+"."+tick.Table+" ORDER BY seq")
		require.NoError(t, err)
		require.Len(t, rows, 3000)
		results = append(results, rows)
	}
	assert.Equal(t, results[0], results[1])
}

func fillBlock(t *testing.T, b block, gen *tick.Generator, rows int) {
	t.Helper()
	for range rows {
		require.NoError(t, b.take(gen.AppendNext(nil)))
	}
	require.Equal(t, rows, b.rows())
}

func TestTheServersErrorIsTheInserts(t *testing.T) {
	ch := stack.Shared.ClickHouse(t, stack.KindLegacy)
	w, err := dial(t.Context(), ch.NativeAddr())
	require.NoError(t, err)
	defer w.conn.Close()
	b := newCHGoBlock(w)
	fillBlock(t, b, tick.New(1), 1)
	require.ErrorContains(t, w.insert("INSERT INTO nowhere.at_all (seq) VALUES", b.input), "nowhere")
}

// memory is a block that keeps nothing but its sequence numbers.
type memory struct {
	ticks
	seqs   []uint64
	stored *[]uint64
	fail   error
}

func (m *memory) take(message []byte) error { return m.into(m.add, message) }

func (m *memory) add(r *row) { m.seqs = append(m.seqs, r.seq) }
func (m *memory) rows() int  { return len(m.seqs) }
func (m *memory) reset()     { m.seqs = m.seqs[:0] }
func (m *memory) insert(context.Context) error {
	*m.stored = append(*m.stored, m.seqs...)
	return m.fail
}

func TestAPumpStoresAllThatItTookBeforeItEnds(t *testing.T) {
	var stored []uint64
	settled := 0
	p := newPump(batchRows, func() block { return &memory{stored: &stored} }, func(h *held[int]) error {
		settled += h.acks
		h.acks = 0
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.run(ctx, nil, func() {}) }()
	gen := tick.New(1)
	const n = 2*batchRows + 10
	for range n {
		p.mu.Lock()
		require.NoError(t, p.take(gen.AppendNext(nil)))
		p.current.acks++
		p.roll()
		p.mu.Unlock()
	}
	cancel()
	require.NoError(t, <-ended)
	assert.Len(t, stored, n)
	assert.Equal(t, n, settled)
}

func TestAPumpEndsWithTheFirstError(t *testing.T) {
	var stored []uint64
	p := newPump(batchRows, func() block { return &memory{stored: &stored, fail: errors.New("full")} }, func(*held[int]) error { return nil })
	p.mu.Lock()
	require.NoError(t, p.take(tick.New(1).AppendNext(nil)))
	p.mu.Unlock()
	require.ErrorContains(t, p.run(t.Context(), nil, func() {}), "inserting 1 rows: full")
	require.ErrorContains(t, p.take([]byte("{}")), "not in the expected form")
}
