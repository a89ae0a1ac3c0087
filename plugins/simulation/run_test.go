//go:build synctests

package simulation

import (
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// patience is how long, in virtual time, everything may take to be done when nothing is
// in its way any more.
const patience = time.Hour

// play plays a script in a world of its own and returns that, with what it has found
// wrong, if anything.
func play(t *testing.T, s *script, seed uint64) (w *world) {
	t.Helper()
	defer func() {
		// What is left behind when the bubble ends is a deadlock to it.
		if why := recover(); why != nil {
			w.fail("%v:\n%s", why, leftBehind())
		}
	}()
	synctest.Test(t, func(*testing.T) {
		w = newWorld(s, seed)
		w.run()
	})
	return w
}

// leftBehind are the stacks of goroutines of worlds, shortened to what is ours.
func leftBehind() string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var left []string
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		lines := strings.Split(stack, "\n")
		if !strings.Contains(lines[0], "synctest bubble") {
			continue
		}
		for i := 1; i < len(lines); i += 2 {
			name := lines[i][strings.LastIndex(lines[i], "/")+1:]
			if at := strings.LastIndex(name, "("); at > 0 {
				name = name[:at]
			}
			lines[0] += " < " + name
		}
		left = append(left, lines[0])
	}
	return strings.Join(left, "\n")
}

func newWorld(s *script, seed uint64) *world {
	w := &world{
		script: s, began: time.Now(), rng: rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // not a secret
		processes: map[string]*process{}, calls: map[string]int{}, faults: s.faults, next: map[string]int{},
		toxics: map[record]bool{}, bad: map[record]bool{}, stored: map[record]int{}, letters: map[record]int{}, inOrder: map[string]int{},
	}
	w.table = &clickHouse{w: w, tokens: map[string]int{}, conns: map[net.Conn]bool{}}
	w.wires = newWires(w.latency, func(address string) error {
		if address == clickHouseAddress && w.meet(pointDial) != nil {
			return errCut
		}
		return nil
	})
	return w
}

func (w *world) run() {
	l, _ := w.wires.Listen("tcp", clickHouseAddress)
	go w.table.serve(l)
	defer func() {
		_ = l.Close()
		w.table.close()
	}()
	if err := w.startBroker(); err != nil {
		w.fail("starting the broker: %v", err)
		return
	}
	defer w.broker.Close()
	defer w.feed.Close()
	w.playEvents()
	w.calm()
	w.release()
	w.finish()
	w.end()
	time.Sleep(time.Minute) // what a fault delays is done by then
}

func (w *world) playEvents() {
	if err := w.start("a"); err != nil {
		w.fail("starting: %v", err)
	}
	events := slices.Clone(w.script.events)
	slices.SortStableFunc(events, func(a, b event) int { return int(a.at - b.at) })
	for i := range events {
		w.sleepUntil(events[i].at)
		w.do(&events[i])
	}
	for _, f := range w.script.faults {
		w.sleepUntil(f.until)
	}
}

// sleepUntil waits, and checks the world every second.
func (w *world) sleepUntil(at time.Duration) {
	for left := at - w.now(); left > 0; left = at - w.now() {
		time.Sleep(min(left, time.Second))
		w.check()
	}
}

func (w *world) do(e *event) {
	w.note("%s", e)
	p := w.processes[e.process]
	var err error
	switch {
	case e.publishes():
		err = w.publish(e)
	case e.verb == verbStart:
		w.mayReplay()
		err = w.start(e.process)
	case p == nil:
	case e.verb == verbStop:
		w.mayReplay()
		delete(w.processes, e.process)
		w.leaving.Go(func() { _ = p.stop(30 * time.Second) })
	case e.verb == verbKill:
		w.mayReplay()
		delete(w.processes, e.process)
		w.leaving.Go(p.kill)
	case e.verb == verbHold:
		p.gate.HoldInput("k")
	case e.verb == verbRelease:
		p.gate.ReleaseInput("k")
	}
	if err != nil {
		w.fail("%s: %v", e, err)
	}
	w.check()
}

func (w *world) mayReplay() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replays = true
}

// check compares what the processes say of themselves with what the world knows.
func (w *world) check() {
	synctest.Wait()
	var settled int64
	for _, p := range w.all {
		level := p.input.Level.Load()
		if !p.ending.Load() { // what is handed back in the end leaves the level as well
			p.settled = p.input.Accepted.Load() - level
		}
		settled += p.settled
		if most := int64(w.script.settings.most); level < 0 || level > most {
			w.fail("%s: level %d of at most %d", p.name, level, most)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	known := len(w.letters)
	for _, n := range w.letters {
		known += n - 1
	}
	if settled > int64(w.taken+known) {
		w.failLocked("%d records are settled, %d were taken and %d are dead letters", settled, w.taken, known)
	}
}

// release lets everything go on.
func (w *world) release() {
	w.leaving.Wait()
	for _, p := range w.processes {
		p.gate.ReleaseInput("k")
	}
	if len(w.processes) == 0 {
		w.mayReplay()
		if err := w.start("a"); err != nil {
			w.fail("starting: %v", err)
		}
	}
}

// finish waits until all is settled, and committed.
func (w *world) finish() {
	for step, until := time.Second, w.now()+patience; w.now() < until && w.failed() == ""; step = min(2*step, time.Minute) {
		if len(w.unsettled()) == 0 && w.allCommitted() {
			return
		}
		time.Sleep(step)
		w.expire()
		w.check()
	}
	if w.failed() != "" {
		return
	}
	if list := w.unsettled(); len(list) > 0 {
		w.fail("nothing goes on: not settled are %d records from %v on; %s", len(list), list[0], w.describe())
		return
	}
	w.fail("all is settled, and not committed; %s", w.describe())
}

// describe tells where things stand.
func (w *world) describe() string {
	text := "there is no group"
	if info := w.broker.GroupInfo(group); info != nil {
		text = fmt.Sprintf("the group is %s, with %+v, and has committed %+v", info.State, info.Members, info.Commits)
	}
	for _, p := range w.processes {
		text += fmt.Sprintf("; %s: received %d, accepted %d, level %d, gate %+v, link %+v", p.name,
			p.input.Received.Load(), p.input.Accepted.Load(), p.input.Level.Load(), p.gate.State(), p.input.Link.State())
	}
	return text
}

// end stops the processes in good order.
func (w *world) end() {
	for _, p := range w.processes {
		if w.failed() == "" && w.script.settings.retries == 0 {
			p.books()
		}
		registry := gate.RegistryOf(p.stream.Resources())
		if err := p.stop(time.Minute); err != nil {
			w.fail("stopping %s: %v", p.name, err)
		}
		if n := registry.Unsettled(); n != 0 {
			w.fail("%s has ended with %d records unsettled", p.name, n)
		}
	}
	w.check()
}
