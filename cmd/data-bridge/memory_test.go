package main

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestMemoryLimitFollowsWhatIsAlive(t *testing.T) {
	assert.EqualValues(t, memoryFloor, limitFor(0))
	assert.EqualValues(t, 300<<20, limitFor(100<<20))
	assert.EqualValues(t, memoryGoal, limitFor(memoryGoal/2))
	assert.EqualValues(t, 7<<28, limitFor(1<<30))

	before := debug.SetMemoryLimit(memoryGoal)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	raiseLimit(1 << 30)
	assert.EqualValues(t, 7<<28, debug.SetMemoryLimit(-1))
	raiseLimit(1<<30 - 1<<20)
	assert.EqualValues(t, 7<<28, debug.SetMemoryLimit(-1), "a small change is not worth it")
	raiseLimit(1 << 20)
	assert.EqualValues(t, memoryFloor, debug.SetMemoryLimit(-1))
}

// A container of 300 MB is not killed while a collection would have kept it below.
func TestMemoryLimitStaysBelowTheContainer(t *testing.T) {
	before := available
	t.Cleanup(func() { available = before })
	available = 300_000_000
	assert.EqualValues(t, 255_000_000, limitFor(100<<20))
	assert.EqualValues(t, 255_000_000, limitFor(1<<30))
	assert.EqualValues(t, memoryFloor, limitFor(0))
	available = 100_000_000
	assert.EqualValues(t, 85_000_000, limitFor(0), "below the floor as well")
}

func TestAfterEachGC(t *testing.T) {
	const collections = 3
	called := make(chan struct{}, collections)
	left := collections
	afterEachGC(func() {
		if left--; left >= 0 {
			called <- struct{}{}
		}
	})
	deadline := time.After(time.Minute)
	for i := 0; i < collections; {
		runtime.GC() // again, if it came before the next call was arranged for
		select {
		case <-called:
			i++
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			t.Fatalf("called after %d collections only", i)
		}
	}
}
