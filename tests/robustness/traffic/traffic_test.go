package traffic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestARecordIsKnownByItsBytes(t *testing.T) {
	for _, r := range []model.Record{
		{Part: 0, Seq: 1}, {Part: 3, Seq: 12_345, Size: 99}, {Seq: 8, Size: 5, Poison: true}, {Part: 1, Seq: 9, Poison: true},
	} {
		body := Body(r)
		part, seq, ok := Identify(body)
		require.True(t, ok, "%s", body)
		assert.Equal(t, r.Part, part)
		assert.Equal(t, r.Seq, seq)
		var fields struct {
			P, N int64
			D    string
		}
		err := json.Unmarshal(body, &fields)
		assert.Equal(t, r.Poison, err != nil, "%s", body)
		if err == nil {
			assert.Len(t, fields.D, r.Size)
		}
	}
	assert.Len(t, Body(model.Record{Seq: 1}), 20, "the smallest record")
	_, _, ok := Identify([]byte(`{"n":1}`))
	assert.False(t, ok)
}

// A seed draws the same sizes and bursts, as many records as were asked for on average,
// and sizes of all kinds up to the largest.
func TestShapesAreDrawnBySeed(t *testing.T) {
	s := Shape{Rate: 2000, MaxSize: 2_000_000}
	draw := func() (sizes []int, sent int) {
		r := rand.New(rand.NewPCG(7, 7))
		for range 100_000 {
			sent += s.burst(r)
			sizes = append(sizes, s.draw(r))
		}
		return sizes, sent
	}
	sizes, sent := draw()
	again, _ := draw()
	assert.Equal(t, sizes, again)
	assert.InDelta(t, s.Rate*100_000*int(beat)/int(time.Second), sent, 200_000)
	largest := 0
	for _, size := range sizes {
		largest = max(largest, size)
	}
	assert.Greater(t, largest, 100_000)
	assert.Contains(t, sizes, 0)
	r := rand.New(rand.NewPCG(7, 7))
	for range 10_000 {
		assert.Less(t, Shape{MaxSize: 10}.draw(r), 10)
	}
}

// server is a sender that fails as it is told.
type server struct {
	outcomes []model.Outcome // of the next records; acknowledged when there is none
	got      int
	closed   bool
}

func (s *server) send(_ model.Record, _ []byte, done func(model.Outcome, int64)) {
	s.got++
	outcome := model.Acked
	if len(s.outcomes) > 0 {
		outcome, s.outcomes = s.outcomes[0], s.outcomes[1:]
	}
	if outcome != model.Unknown {
		done(outcome, int64(s.got))
	}
}
func (s *server) flush() {}
func (s *server) renew() {}
func (s *server) close() { s.closed = true }

func TestTheHistoryKnowsEachOutcome(t *testing.T) {
	s := &server{outcomes: []model.Outcome{model.Acked, model.Refused, model.Unknown}}
	p := newPublisher("feed", 2, s, Shape{MaxSize: 10}, rand.New(rand.NewPCG(1, 1)))
	for i := range 4 {
		p.one(i == 3)
	}
	var outcomes []model.Outcome
	for _, r := range p.Records() {
		outcomes = append(outcomes, r.Outcome)
	}
	assert.Equal(t, []model.Outcome{model.Acked, model.Refused, model.Unknown, model.Acked}, outcomes)
	assert.True(t, p.Records()[3].Poison)
	assert.EqualValues(t, 1, p.Records()[0].Position)
	assert.EqualValues(t, -1, p.Records()[2].Position)
	assert.Equal(t, []int64{2, 2}, p.Last())
	var text bytes.Buffer
	require.NoError(t, p.Write(&text))
	assert.Equal(t, 4, bytes.Count(text.Bytes(), []byte("\n")))

	assert.Zero(t, p.Anew())
	p.Grow(3)
	p.one(false)
	assert.Equal(t, 1, p.Records()[4].Epoch)
	assert.Len(t, p.Last(), 3)
	p.Close()
	assert.True(t, s.closed)
}

// A fence goes on until each part has a record that is acknowledged.
func TestAFenceIsAcknowledged(t *testing.T) {
	s := &server{outcomes: []model.Outcome{model.Unknown, model.Acked, model.Refused, model.Acked}}
	p := newPublisher("feed", 2, s, Shape{MaxSize: 10}, rand.New(rand.NewPCG(1, 1)))
	fence, err := p.Fence(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []int64{1, 3}, fence)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Fence(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}

// While somebody acts quietly nothing is sent, and it is afterwards.
func TestNothingIsSentQuietly(t *testing.T) {
	s := &server{}
	p := newPublisher("feed", 1, s, Shape{Rate: 1000, MaxSize: 10}, rand.New(rand.NewPCG(1, 1)))
	p.Start()
	defer p.Close()
	sending := func(more int) {
		require.Eventually(t, func() bool { return len(p.Records()) >= more }, time.Minute, time.Millisecond)
	}
	sending(1)
	failed, sent := errors.New("no"), 0
	assert.ErrorIs(t, p.Quietly(func() error {
		assert.False(t, p.mu.TryLock(), "a round would wait")
		sent = s.got
		return failed
	}), failed)
	sending(sent + 1)
	p.Stop()
	p.Stop()
}
