package status_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// Waiting for room is counted apart from being paused, and shows for a moment after
// it: a backlog waits for each batch again.
func TestYielding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := status.NewBoard("").Input("external", status.KindKafka)
		assert.False(t, in.Yielding())
		end := in.Yield()
		time.Sleep(3 * time.Second)
		assert.True(t, in.Yielding())
		assert.Equal(t, 3*time.Second, in.Yielded(), "while it lasts too")

		pausing := in.Pausing()
		pausing.Set(true)
		time.Sleep(time.Minute)
		assert.False(t, in.Yielding(), "it is paused")
		pausing.Set(false)
		time.Sleep(2 * time.Second)
		assert.Equal(t, 5*time.Second, in.Yielded())
		end()
		time.Sleep(999 * time.Millisecond)
		assert.True(t, in.Yielding())
		time.Sleep(time.Millisecond)
		assert.False(t, in.Yielding())
		assert.Equal(t, 5*time.Second, in.Yielded())
	})
}

// Which labels feed the figures whose names are fixed is for the configuration to say.
func TestFeedsOfTheFiguresWithFixedNames(t *testing.T) {
	b := status.NewBoard("")
	for label, received := range map[string]int64{"trades": 1, "quotes": 2, "bars": 4, "news": 8, "ticks": 1000, "ch_candles": 1000, "external": 1000} {
		in := b.Input(label, status.KindNATS)
		in.Received.Store(received)
		in.Level.Store(10 * received)
	}
	b.SetBuffer(func() status.Buffer {
		return status.Buffer{
			LinkGrace: time.Minute,
			Groups:    []status.Group{{Name: "CH", Labels: []string{"ticks"}}, {Name: "Market", Labels: []string{"trades", "bars"}}},
			Feeds:     status.Feeds{Ticks: []string{"trades", "quotes"}, Candles: []string{"bars"}, External: []string{"news", "trades"}, CHBuffer: "Market"},
		}
	})
	m := b.Health().Metrics
	assert.EqualValues(t, 3, m.Ticks)
	assert.EqualValues(t, 4, m.Candles)
	assert.EqualValues(t, 9, m.External)
	assert.EqualValues(t, 50, m.CHBuffer)
}

// A component that is closed while paused leaves one that took its place paused.
func TestPausingOfTwoGenerations(t *testing.T) {
	in := status.NewBoard("").Input("external", status.KindKafka)
	old, next := in.Pausing(), in.Pausing()
	old.Set(true)
	old.Set(true)
	next.Set(true)
	old.Set(false)
	assert.True(t, in.Paused())
	next.Set(false)
	next.Set(false)
	assert.False(t, in.Paused())
	old.Set(true)
	assert.True(t, in.Paused())
}

// The same of the link: it is closed when the last component is that uses it.
func TestLinkOfTwoGenerations(t *testing.T) {
	in := status.NewBoard("").Input("external", status.KindKafka)
	in.Link.Opened()
	in.Link.Up()
	in.Link.Opened()
	in.Link.Closed()
	assert.True(t, in.Link.State().Connected)
	in.Link.Closed()
	assert.True(t, in.Link.State().Closed)
	in.Link.Opened()
	in.Link.Closed()
	assert.True(t, in.Link.State().Closed)
}
