package marketdata

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// memory keeps what it is given and fails at the record after limit, if that is set.
type memory struct {
	records [][]byte
	keys    []string
	limit   int
	flushed bool
}

func (m *memory) Publish(_ context.Context, key string, record []byte) error {
	if m.limit > 0 && len(m.records) == m.limit {
		return errors.New("full")
	}
	m.records = append(m.records, append([]byte(nil), record...))
	m.keys = append(m.keys, key)
	return nil
}

func (m *memory) Flush(context.Context) error { m.flushed = true; return nil }
func (m *memory) Published() int64            { return int64(len(m.records)) }

func newTicks(t *testing.T) *Generator {
	g, err := NewAt(start, 1, Ticks, "s")
	require.NoError(t, err)
	return g
}

func TestPublishSendsTheCountAndItsKeys(t *testing.T) {
	sink := &memory{}
	n, err := Publish(t.Context(), sink, newTicks(t), Shape{Count: 1500})
	require.NoError(t, err)
	assert.EqualValues(t, 1500, n)
	assert.True(t, sink.flushed)
	for i, record := range sink.records {
		var tick struct {
			Seq    int
			Symbol string
		}
		require.NoError(t, json.Unmarshal(record, &tick))
		require.Equal(t, i+1, tick.Seq)
		require.Equal(t, tick.Symbol, sink.keys[i])
	}
}

func TestPublishKeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := Publish(t.Context(), &memory{}, newTicks(t), Shape{Rate: 10_000, Count: 50_000})
		require.NoError(t, err)
		assert.InDelta(t, 5.0, time.Since(began).Seconds(), 0.01) // virtual time
	})
}

func TestRecordsOfARateBearTheTimeOfDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, kind := range []Kind{Ticks, External} {
			gen, err := New(1, kind, "s")
			require.NoError(t, err)
			sink := &memory{}
			_, err = Publish(t.Context(), sink, gen, Shape{Rate: 100, Count: 1000})
			require.NoError(t, err)
			var last struct{ TS time.Time }
			require.NoError(t, json.Unmarshal(sink.records[len(sink.records)-1], &last))
			assert.GreaterOrEqual(t, last.TS, time.Now().UTC().Add(-pace), kind)
		}
	})
}

func TestPublishEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		sink := &memory{}
		n, err := Publish(ctx, sink, newTicks(t), Shape{Rate: 1000})
		require.NoError(t, err)
		assert.InDelta(t, 3000, n, 5)
		assert.True(t, sink.flushed)
	})
}

func TestPublishReportsWhatArrivedBeforeAnError(t *testing.T) {
	sink := &memory{limit: 10}
	n, err := Publish(t.Context(), sink, newTicks(t), Shape{Count: 100})
	require.ErrorContains(t, err, "publishing ticks 11: full")
	assert.EqualValues(t, 10, n)
}

func TestShapeWithBursts(t *testing.T) {
	s := Shape{Rate: 1000, BurstFactor: 5, BurstEvery: 10 * time.Second, BurstLength: 2 * time.Second}
	for elapsed, want := range map[time.Duration]int64{
		0:                0,
		time.Second:      5000,  // in the burst
		2 * time.Second:  10000, // it ends
		10 * time.Second: 18000,
		11 * time.Second: 23000, // in the next
		20 * time.Second: 36000,
	} {
		assert.Equal(t, want, s.due(elapsed), elapsed)
	}
}

// answered is a publication that the server has stored: it says so once.
type answered struct{ ok chan *jetstream.PubAck }

func (a answered) Ok() <-chan *jetstream.PubAck { return a.ok }
func (a answered) Err() <-chan error            { return nil }
func (a answered) Msg() *nats.Msg               { return nil }

// A flush that its context ends is gone on with by the next one.
func TestAFlushGoesOnWhereTheLastOneEnded(t *testing.T) {
	s := &jetStreamSink{}
	futures := make([]answered, 3)
	for i := range futures {
		futures[i] = answered{make(chan *jetstream.PubAck, 1)}
		s.pending = append(s.pending, futures[i])
	}
	futures[0].ok <- &jetstream.PubAck{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Flush(ctx) }()
	require.Eventually(t, func() bool { return s.Published() == 1 }, 10*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	futures[1].ok <- &jetstream.PubAck{}
	futures[2].ok <- &jetstream.PubAck{}
	require.NoError(t, s.Flush(t.Context()))
	require.EqualValues(t, 3, s.Published())
}
