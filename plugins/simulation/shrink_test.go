//go:build synctests

package simulation

import (
	"slices"
	"testing"
	"time"
)

// attempts is how often a script is played before it counts as one that does not fail:
// what happens at the same moment happens in any order.
const attempts = 3

// fails plays a script and tells what is wrong, if anything.
func fails(t *testing.T, s *script, seed uint64) *world {
	for range attempts {
		if w := play(t, s, seed); w.failed() != "" {
			return w
		}
	}
	return nil
}

// shrink looks for a smaller script that fails too: with fewer lines, then with smaller
// numbers.
func shrink(t *testing.T, s *script, seed uint64) *script {
	deadline := time.Now().Add(time.Minute)
	for again := true; again && time.Now().Before(deadline); {
		again = false
		for _, smaller := range smallerThan(s) {
			if time.Now().After(deadline) {
				break
			}
			if fails(t, smaller, seed) != nil {
				s, again = smaller, true
				break
			}
		}
	}
	return s
}

// smallerThan are the scripts that a script may be shrunk to in one step.
func smallerThan(s *script) (list []*script) {
	for i := range s.events {
		smaller := s.clone()
		smaller.events = slices.Delete(smaller.events, i, i+1)
		list = append(list, smaller)
	}
	for i := range s.faults {
		smaller := s.clone()
		smaller.faults = slices.Delete(smaller.faults, i, i+1)
		list = append(list, smaller)
	}
	for i, e := range s.events {
		if e.publishes() && e.n > 1 {
			smaller := s.clone()
			smaller.events[i].n /= 2
			list = append(list, smaller)
		}
	}
	for i, f := range s.faults {
		if f.to > f.from {
			smaller := s.clone()
			smaller.faults[i].to--
			list = append(list, smaller)
		}
	}
	for _, change := range []func(*settings) bool{
		func(c *settings) bool { was := c.partitions; c.partitions = 1; return was > 1 && s.only(0) },
		func(c *settings) bool { was := c.once; c.once = false; return was },
		func(c *settings) bool { was := c.order; c.order = false; return was },
		func(c *settings) bool { was := c.inflight; c.inflight = 1; return was > 1 },
		func(c *settings) bool { was := c.retries; c.retries = 0; return was > 0 },
	} {
		smaller := s.clone()
		if change(&smaller.settings) {
			list = append(list, smaller)
		}
	}
	return list
}

// only reports whether a script publishes into that partition alone.
func (s *script) only(part int) bool {
	return !slices.ContainsFunc(s.events, func(e event) bool { return e.publishes() && e.part != part })
}

func (s *script) clone() *script {
	c := &script{settings: s.settings, events: slices.Clone(s.events)}
	for _, f := range s.faults {
		g := *f
		c.faults = append(c.faults, &g)
	}
	return c
}
