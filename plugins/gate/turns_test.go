package gate_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

func records(n int) gate.Level { return gate.Level{Records: n} }

func granted(t *gate.Turn) bool {
	select {
	case <-t.Granted():
		return true
	default:
		return false
	}
}

func TestTurnsFillTheBufferUpToTheYieldThreshold(t *testing.T) {
	g, j := gate.New(), &journal{}
	c := attach(g, shipped, true, j)
	kafka, jet := g.Join(input{"kafka", j}), g.Join(input{"jet", j})

	a, b := kafka.Enter(records(10000)), jet.Enter(records(10000))
	third := kafka.Enter(records(10000))
	assert.True(t, granted(a) && granted(b) && granted(third), "exactly to the mark")
	assert.False(t, g.Yielding())
	one := jet.Enter(records(1))
	assert.False(t, granted(one), "what is on its way counts")
	assert.False(t, g.Yielding(), "what is on its way may make it wait no longer")

	a.Arrive()
	c.Observe(records(10000))
	assert.False(t, granted(one), "what arrives is counted once")
	a.Leave()
	assert.False(t, granted(one), "and its turn is over")
	c.Observe(records(9999))
	assert.True(t, granted(one))
	assert.False(t, g.Yielding())
	b.Leave()
	third.Leave()
	one.Leave()

	c.Observe(records(39999)) // the others
	late := kafka.Enter(records(1))
	assert.False(t, granted(late))
	assert.True(t, g.Yielding())
	c.Observe(records(30000))
	assert.False(t, granted(late))
	c.Observe(records(29999))
	assert.True(t, granted(late))
	assert.Empty(t, j.take(), "no pause, no word")
	assert.Zero(t, g.State().PauseCount)
}

func TestTurnsAreGrantedInTheirOrder(t *testing.T) {
	g := gate.New()
	c := attach(g, shipped, true, &journal{})
	a, b := g.Join(input{"a", &journal{}}), g.Join(input{"b", &journal{}})
	c.Observe(records(25000))
	large, small := a.Enter(records(10000)), b.Enter(records(100))
	assert.False(t, granted(large))
	assert.False(t, granted(small), "it would fit, but not before the other")
	c.Observe(records(20000))
	assert.True(t, granted(large))
	assert.False(t, granted(small))
	large.Leave()
	assert.True(t, granted(small), "a turn that ends makes room")

	c.Observe(records(25000))
	first, second := a.Enter(records(10000)), b.Enter(records(10))
	first.Leave()
	assert.True(t, granted(second), "one that gives up holds nobody up")
}

// A batch that is larger than the mark must get in some time.
func TestALargeBatchNeedsHalfOfTheMark(t *testing.T) {
	g := gate.New()
	c := attach(g, shipped, true, &journal{})
	m := g.Join(input{"kafka", &journal{}})
	c.Observe(records(15001))
	turn := m.Enter(records(45000))
	assert.False(t, granted(turn))
	c.Observe(records(15000))
	assert.True(t, granted(turn))
	assert.False(t, granted(m.Enter(records(1))))
}

func TestTurnsCountBytes(t *testing.T) {
	g := gate.New()
	c := attach(g, shipped.WithBytes(1000), true, &journal{}) // yields at 600
	m := g.Join(input{"kafka", &journal{}})
	c.Observe(gate.Level{Records: 1, Bytes: 400})
	assert.True(t, granted(m.Enter(gate.Level{Records: 1, Bytes: 200})))
	turn := m.Enter(gate.Level{Records: 1, Bytes: 1})
	assert.False(t, granted(turn))
	c.Observe(gate.Level{Records: 1, Bytes: 399})
	assert.True(t, granted(turn))
}

// Whoever has gone holds nothing, whatever became of its batches.
func TestAMemberThatLeavesTakesItsTurnsAlong(t *testing.T) {
	g := gate.New()
	attach(g, shipped, true, &journal{})
	gone, stays := g.Join(input{"gone", &journal{}}), g.Join(input{"stays", &journal{}})
	gone.Enter(records(10000)) // its batch was dropped without a word
	lost := gone.Enter(records(15000))
	waiting, next := gone.Enter(records(15000)), stays.Enter(records(15000))
	assert.False(t, granted(waiting))
	assert.False(t, granted(next))
	gone.Leave()
	assert.True(t, granted(waiting), "nobody is left waiting")
	assert.True(t, granted(next))
	lost.Leave()
	waiting.Leave()
	assert.True(t, granted(gone.Enter(records(50000))))
	assert.True(t, granted(stays.Enter(records(15000))))
	assert.False(t, granted(stays.Enter(records(1))), "what has gone gives nothing back twice")
}

func TestNobodyYields(t *testing.T) {
	everything := records(50000)
	for name, prepare := range map[string]func(g *gate.Gate){
		"without a buffer": func(*gate.Gate) {},
		"with pausing off": func(g *gate.Gate) { attach(g, shipped, false, &journal{}).Observe(everything) },
		"while it drains":  func(g *gate.Gate) { attach(g, shipped, true, &journal{}).Observe(everything); g.Drain() },
		"behind the last":  func(g *gate.Gate) { c := attach(g, shipped, true, &journal{}); c.Observe(everything); c.Detach(0) },
		"of a former buffer": func(g *gate.Gate) {
			attach(g, shipped, true, &journal{}).Observe(everything)
			attach(g, shipped, true, &journal{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := gate.New()
			prepare(g)
			assert.True(t, granted(g.Join(input{"kafka", &journal{}}).Enter(records(100))))
		})
	}
	g := gate.New()
	attach(g, shipped, true, &journal{}).Observe(everything)
	turn := g.Join(input{"kafka", &journal{}}).Enter(records(1))
	assert.False(t, granted(turn))
	g.Drain()
	assert.True(t, granted(turn), "a drain lets everyone go")

	var none *gate.Turn
	none.Leave()
	none.Arrive()
	assert.True(t, granted(none))
	assert.Nil(t, gate.TurnOf(none.Mark(context.Background())))
	assert.Same(t, turn, gate.TurnOf(turn.Mark(context.Background())))
}

// When it is the output that is slow, the level rises as if nobody yielded, so that
// the gate closes and says so.
func TestNobodyYieldsToAnOutputThatStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate.New()
		c := attach(g, shipped, true, &journal{})
		m := g.Join(input{"kafka", &journal{}})
		review := func(d time.Duration, busy bool, retrying time.Time) {
			for range d / time.Second {
				time.Sleep(time.Second)
				c.Review(time.Now(), busy, retrying)
			}
		}
		review(time.Second, false, time.Time{})
		c.Observe(records(30000))
		turn := m.Enter(records(1))
		review(time.Hour, false, time.Time{})
		assert.False(t, granted(turn), "the output has nothing to settle")
		review(gate.StallAfter-time.Second, true, time.Time{})
		assert.False(t, granted(turn), "it may take a moment")
		review(time.Second, true, time.Time{})
		assert.True(t, granted(turn), "it stands still")
		assert.True(t, granted(m.Enter(records(100))))

		c.Observe(records(40000))
		c.Observe(records(39999))
		turn = m.Enter(records(1))
		assert.False(t, granted(turn), "it goes on, from the first record that is settled")
		for range 10 {
			time.Sleep(gate.StallAfter - time.Second)
			c.Observe(records(45000))
			c.Observe(records(39999))
			c.Review(time.Now(), true, time.Time{})
		}
		assert.False(t, granted(turn), "slow, but it moves")

		since := time.Now()
		review(gate.StallAfter-time.Second, false, since)
		assert.False(t, granted(turn), "a retry is nothing yet")
		review(time.Second, false, since)
		assert.True(t, granted(turn), "one that lasts is")
		c.Observe(records(39998))
		assert.True(t, granted(m.Enter(records(1))), "until it is over")
		review(time.Second, false, time.Time{})
		assert.False(t, granted(m.Enter(records(1))))
	})
}

func BenchmarkTurn(b *testing.B) {
	g := gate.New()
	attach(g, shipped, true, &journal{})
	m := g.Join(input{"kafka", &journal{}})
	for b.Loop() {
		turn := m.Enter(records(1000))
		<-turn.Granted()
		turn.Arrive()
		turn.Leave()
	}
}
