package inputtest

import (
	"errors"
	"slices"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errRejected = errors.New("rejected by the test")

// delivers: everything, in order, once, also to the readers after.
func delivers(g *rig) {
	first := g.reader().start()
	g.publish(0, 500)
	first.expect(upTo(0, 500))
	first.linkIs(true)
	g.located(first)
	first.close()
	next := g.reader().start()
	g.publish(500, 510)
	next.expect(upTo(500, 510))
	require.Equal(g.t, upTo(0, 500), first.values())
}

// located: each record has a place of its own, and the places are in order.
func (g *rig) located(r *reader) {
	g.t.Helper()
	last := place{offset: -1}
	for _, b := range r.delivered() {
		for _, at := range b.places {
			require.Equal(g.t, g.can(Locates), at.known, "whether a record says where it stands")
			if !at.known {
				continue
			}
			require.Greater(g.t, at.offset, last.offset)
			require.True(g.t, last.offset < 0 || at.source == last.source, "one source has one name")
			last = at
		}
	}
}

// nack: what is rejected is not settled, and comes again as the source can.
func nack(g *rig) {
	r := g.reader()
	var rejected batch
	r.answerBy(func(a answer) {
		all := r.delivered()
		if n := len(all); n == 1 {
			rejected = all[0]
			assert.NoError(g.t, a(errRejected))
			return
		}
		assert.NoError(g.t, a(nil))
	})
	r.start()
	g.publish(0, 50)
	if g.can(Redelivers) {
		r.awaitCount(50)
		r.awaitCount(50 + len(rejected.values))
		require.Equal(g.t, sorted(append(upTo(0, 50), rejected.values...)), sorted(r.values()))
		r.close()
		g.nextGets(nil)
		return
	}
	r.expect(upTo(0, 50))
	r.close()
	require.Equal(g.t, upTo(0, 50), r.values(), "nothing came again")
	if !g.can(Replays) {
		g.nextGets(nil)
		return
	}
	g.nextGets(upTo(rejected.values[0], 50))
}

// nextGets: the next reader gets these, in order, and then what is new.
func (g *rig) nextGets(want []int) *reader {
	g.t.Helper()
	next := g.reader()
	next.start()
	if g.can(Keeps) {
		next.awaitPartition()
	}
	g.publish(1000, 1010)
	want = append(slices.Clone(want), upTo(1000, 1010)...)
	next.expectSet(want)
	return next
}

// replay: what was not acknowledged comes again to the next reader, and says that
// it stands where it stood; what was does not.
func replay(g *rig) {
	r := g.reader()
	r.answerBy(func(a answer) {
		if len(r.values()) <= 20 { // the first batches
			assert.NoError(g.t, a(nil))
		}
	})
	r.start()
	g.publish(0, 50)
	r.expect(upTo(0, 50))
	r.close()
	settled := 0
	for _, b := range r.delivered() {
		if settled+len(b.values) > 20 {
			break
		}
		settled += len(b.values)
	}
	require.Positive(g.t, settled)
	for _, b := range r.delivered() {
		require.NoError(g.t, b.answer(nil), "too late, and harmless")
	}
	if !g.can(Replays) {
		g.nextGets(nil)
		return
	}
	next := g.nextGets(upTo(settled, 50))
	before, after := placesOf(r), placesOf(next)
	for value := settled; value < 50; value++ {
		require.Equal(g.t, before[value], after[value], "where record %d stands", value)
	}
}

func placesOf(r *reader) map[int]place {
	places := map[int]place{}
	for _, b := range r.delivered() {
		for i, value := range b.values {
			places[value] = b.places[i]
		}
	}
	return places
}
