//go:build synctests

package simulation

import (
	"math/rand/v2"
	"slices"
	"time"
)

// generate makes the script of a seed.
func generate(seed uint64) *script {
	g := &generator{rand.New(rand.NewPCG(seed, 2))} //nolint:gosec // not a secret
	s := &script{settings: g.settings()}
	for range 1 + g.IntN(6) {
		s.events = append(s.events, g.publication(s.settings.partitions))
	}
	if g.IntN(3) == 0 {
		for range 1 + g.IntN(3) {
			s.events = append(s.events, g.incident()...)
		}
	}
	for range g.IntN(5) {
		s.faults = append(s.faults, g.fault())
	}
	if g.IntN(4) == 0 {
		g.stopInAnOutage(s)
	}
	slices.SortStableFunc(s.events, func(a, b event) int { return int(a.at - b.at) })
	return s
}

// horizon is when the last thing happens that a script asks for.
const horizon = 20 * time.Second

type generator struct{ *rand.Rand }

func (g *generator) between(least, most int) int { return least + g.IntN(most-least+1) }

func (g *generator) at() time.Duration {
	return time.Duration(g.IntN(int(horizon/time.Millisecond))) * time.Millisecond
}

func pick[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

func (g *generator) settings() settings {
	s := settings{
		partitions: g.between(1, 3), once: g.IntN(3) == 0, order: g.IntN(2) == 0, inflight: g.between(1, 3),
		most: g.between(20, 120), fetch: g.between(5, 30), retries: pick(g, 0, 0, 0, 1, 3),
	}
	s.pause = g.between(s.most/2, s.most)
	s.resume = g.between(s.pause/4, s.pause-1)
	s.count = g.between(1, min(s.resume, 25))
	return s
}

func (g *generator) publication(partitions int) event {
	e := event{at: g.at(), verb: verbPublish, part: g.IntN(partitions), n: pick(g, 1, 5, 20, 60, 150)}
	if g.IntN(3) == 0 {
		e.verb, e.n = pick(g, verbPoison, verbToxic), g.between(1, 3)
	}
	return e
}

// stopInAnOutage stops a process while ClickHouse takes nothing, or one insert of two, for
// longer than the process may take to end, and starts it again.
func (g *generator) stopInAnOutage(s *script) {
	at := g.at()
	f := &fault{point: pointInsert, since: max(0, at-time.Duration(g.between(0, 5000))*time.Millisecond), act: pick(g, actRefuse, actCut, actStall), code: 252}
	f.until = at + 40*time.Second
	e := g.publication(s.settings.partitions)
	e.at = max(0, at-time.Duration(g.between(0, 6000))*time.Millisecond)
	s.faults = append(s.faults, f)
	s.events = append(s.events, e, event{at: at, verb: verbStop, process: "a"}, event{at: at + time.Minute, verb: verbStart, process: "a"})
}

// incident is what happens to processes.
func (g *generator) incident() []event {
	at, later := g.at(), time.Duration(g.between(1, 8000))*time.Millisecond
	switch g.IntN(5) {
	case 0:
		return []event{{at: at, verb: verbKill, process: "a"}, {at: at + later, verb: verbStart, process: "a"}}
	case 1:
		return []event{{at: at, verb: verbStop, process: "a"}, {at: at + later, verb: verbStart, process: "a"}}
	case 2:
		return []event{{at: at, verb: verbStart, process: "b"}, {at: at + later, verb: pick(g, verbKill, verbStop), process: pick(g, "a", "b")}}
	}
	return []event{{at: at, verb: verbHold, process: "a"}, {at: at + later, verb: verbRelease, process: "a"}}
}

// codes are exceptions of ClickHouse, by what the output makes of them; those that accuse
// a row are for rows that have a fault.
var codes = []int{252, 252, 241, 242, 999, 159, 210, 60, 497, 16}

func (g *generator) fault() *fault {
	f := &fault{point: pick(g, pointInsert, pointInsert, pointInsert, pointAsk, pointDial, pointLetter, pointLetter, pointCommit, pointCommit, pointFetch, pointHeartbeat)}
	if g.IntN(2) == 0 {
		f.from = g.between(1, 12)
		f.to = f.from + g.IntN(4)
		if f.point == pointLetter { // there are few
			f.from = 1
		}
	} else {
		f.since = g.at()
		f.until = f.since + time.Duration(g.between(1, 15))*time.Second
	}
	switch f.point {
	case pointInsert:
		f.act = pick(g, actRefuse, actRefuse, actCut, actLose, actLose, actStall, actDelay, actLate)
		f.code = pick(g, codes...)
	case pointAsk:
		f.act = pick(g, actRefuse, actCut, actStall, actDelay)
		f.code = pick(g, codes...)
	case pointCommit:
		f.act = pick(g, actRefuse, actCut, actLose, actStall, actDelay)
		f.code = pick(g, 7, 14, 16, 22, 25, 27, 29, 12)
	case pointLetter:
		f.act = pick(g, actRefuse, actDelay)
	case pointDial:
		f.act = actRefuse
	default:
		f.act = pick(g, actCut, actLose, actStall, actDelay)
	}
	switch f.act {
	case actDelay:
		f.delay = time.Duration(g.between(1, 5000)) * time.Millisecond
	case actLate:
		f.delay = time.Duration(g.between(21, 60)) * time.Second
	}
	return f
}
