package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/machine"
)

// tuneGC lets the heap grow further between collections than Go does by
// default: most of what a bridge holds dies young, and collecting it seldom
// saves a third of the processor time. Where little dies, because the buffer is
// full of large messages, that would be a heap five times as large as what it
// holds: the memory limit ends the growth. GOGC and GOMEMLIMIT in the environment
// win.
func tuneGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		available, _ = machine.Memory()
		debug.SetMemoryLimit(limitFor(0))
		afterEachGC(func() { raiseLimit(liveHeap()) })
	}
}

const (
	// memoryGoal leaves room below 500 MB for what Go does not count.
	memoryGoal = 360 << 20
	// memoryFloor does the same below 256 MB for a pipeline that holds little.
	memoryFloor = 192 << 20
)

// outsideGo is what a process takes that Go does not count, as part of all it may have.
const outsideGo = 0.15

// available is how much memory the process may have; 0 where that is not known.
var available int64

// limitFor is the memory limit for a heap of which so much is alive: three times
// that, between the floor and the goal, and never so low that the collector would
// work all the time for nothing, which it does where a configuration holds more
// than the shipped one. But to work all the time is better than to be killed: it stays
// below what the container, or the machine, has.
func limitFor(live uint64) int64 {
	wanted := max(memoryFloor, min(memoryGoal, int64(live*3)), int64(live/4*7))
	if available == 0 {
		return wanted
	}
	return min(wanted, int64((1-outsideGo)*float64(available)))
}

func raiseLimit(live uint64) {
	want, have := limitFor(live), debug.SetMemoryLimit(-1)
	if want > have || want < have-have/8 { // setting it stops the world
		debug.SetMemoryLimit(want)
	}
}

func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// afterEachGC calls act after every collection, on the runtime's goroutine.
func afterEachGC(act func()) {
	runtime.AddCleanup(new([64]byte), func(act func()) {
		act()
		afterEachGC(act)
	}, act)
}
