package nats

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// passThrough adds, settles and forgets so many runs of ten behind what is there.
func passThrough(l *ledger, from uint64, runs int) uint64 {
	for range runs {
		r := l.open(nil, from)
		for range 10 {
			l.add(r, item{sequence: from, reply: "reply", count: 1}, l.standing(from))
			from++
		}
		l.split(r, len(r.items))
		l.settle(r)
		l.forget(r)
	}
	return from
}

// One message that is never settled keeps its own place and no other.
func TestAStuckMessageKeepsNothingElseInTheLedger(t *testing.T) {
	l := newLedger(false)
	stuck := l.open(nil, 1)
	l.add(stuck, item{sequence: 1, reply: "stuck", count: 1}, unknown)
	next := passThrough(&l, 2, 10_000)
	assert.EqualValues(t, 1, l.held())
	assert.LessOrEqual(t, len(l.due), 2+2*mostStale)
	assert.Equal(t, held, l.standing(1))
	assert.Equal(t, unknown, l.standing(next-1))
	l.tick += ticksPerWait / 2
	assert.Equal(t, []string{"stuck"}, l.overdue(ticksPerWait/2))
	assert.Len(t, l.due, 1, "what is over leaves with its time")
	l.tick += mapTicks + 1
	l.overdue(ticksPerWait / 2)
	assert.Nil(t, l.where, "nothing was looked up for long")
	assert.Equal(t, held, l.standing(1), "and is found all the same")
	assert.EqualValues(t, 1, l.firstUnsettled())
}

// The server hears of each message when it is due, and of none before.
func TestSignsOfLifeComeWhenTheyAreDue(t *testing.T) {
	l := newLedger(false)
	for n := uint64(1); n <= 20; n++ {
		l.add(l.open(nil, n), item{sequence: n, reply: fmt.Sprint(n), count: 1}, unknown)
		l.tick++
	}
	last := map[string]uint32{}
	for n := range uint32(20) {
		last[fmt.Sprint(n+1)] = n
	}
	for range 200 {
		l.tick++
		for _, reply := range l.overdue(25) {
			assert.GreaterOrEqual(t, l.tick-last[reply], uint32(25))
			last[reply] = l.tick
		}
		for reply, at := range last {
			assert.Less(t, l.tick-at, uint32(25), reply)
		}
	}
}

// BenchmarkLedgerBehindAStuckMessage is what a message costs from its delivery to
// the confirmation of its acknowledgement, and a look-up of one that was delivered
// again, with one that is never settled in front of so many.
func BenchmarkLedgerBehindAStuckMessage(b *testing.B) {
	for _, later := range []int{0, 100_000, 1_000_000} {
		l := newLedger(false)
		l.add(l.open(nil, 1), item{sequence: 1, count: 1}, unknown)
		next := passThrough(&l, 2, later/10)
		l.tick += ticksPerWait
		l.overdue(ticksPerWait / 2)
		b.Run(fmt.Sprintf("message/behind=%d", later), func(b *testing.B) {
			for range b.N/10 + 1 {
				next = passThrough(&l, next, 1)
				l.tick += ticksPerWait
				l.overdue(ticksPerWait / 2)
			}
		})
		b.Run(fmt.Sprintf("lookup/behind=%d", later), func(b *testing.B) {
			for range b.N {
				l.standing(next - 5)
			}
		})
	}
}
