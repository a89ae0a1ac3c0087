package robustness

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/robustness/faults"
	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
	"github.com/data-bridge-io/data-bridge/tests/robustness/report"
	"github.com/data-bridge-io/data-bridge/tests/robustness/validate"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// Options say how a run is made.
type Options struct {
	Servers *Servers
	Binary  string // of the bridge
	Setup   Setup
	// Seed draws sizes, rates, and the script where there is none.
	Seed   uint64
	Script faults.Script
	// Faults, where there are some, are the only ones that the seed draws from.
	Faults []string
	// Most, where it is not 0, is how many of them a run has: those of the first lap, of
	// the second, and so on, until all have had their turn and the first come again.
	Most, Lap int
	// Log, where it is not nil, hears what goes on.
	Log func(format string, args ...any)
}

// Run is one run: a bridge, its sources, and what happens to them.
type Run struct {
	Options
	id      string
	dir     string
	setup   Setup
	servers *Servers
	house   stack.ClickHouse
	link    *stack.FaultProxy
	scene   *faults.Scene
	sources []*source
	lives   *lives
	config  string
	rounds  []round
	rows    map[string][]validate.Row // that were found, by source
	unmount func() error              // the disk of the dead letters
}

// round is what lies between two recoveries.
type round struct {
	faults   []string
	recovery time.Duration
	ends     time.Time
	last     map[string][]int64 // that was published by then, of each source
}

// Do makes a run. A run that could not be made to its end, or that broke a promise,
// tells so in its result, and leaves its folder behind, which is where then.
func Do(ctx context.Context, o Options) (result report.Run, where string, err error) {
	began := time.Now()
	r := &Run{Options: o, setup: o.Setup, servers: o.Servers, id: fmt.Sprintf("r%d", runs.Add(1))}
	if r.dir, err = os.MkdirTemp("", "data-bridge-robustness-"+o.Setup.Name+"-"); err != nil {
		return result, "", fmt.Errorf("making the folder of a run: %w", err)
	}
	r.lives = &lives{run: r}
	defer r.close()
	if err = r.build(ctx); err == nil {
		err = r.play(ctx)
	}
	if err == nil {
		err = r.settle(ctx)
	}
	if err == nil {
		result, err = r.judge(ctx)
	}
	result.Setup, result.Seed, result.Script, result.Took = r.setup.Name, r.Seed, r.Script.String(), time.Since(began)
	if err != nil {
		result.Problems = append(result.Problems, "it was not made to its end: "+err.Error())
	}
	failed := len(result.Failed()) > 0
	r.lives.close()
	err = r.removeDisk(failed)
	if err == nil && !failed {
		return result, "", os.RemoveAll(r.dir)
	}
	return result, r.dir, errors.Join(err, r.keep(result))
}

func (r *Run) log(format string, args ...any) {
	if r.Log != nil {
		r.Log(format, args...)
	}
}

// build sets the scene, and starts the first bridge and the publishers.
func (r *Run) build(ctx context.Context) (err error) {
	if r.house, err = r.servers.House(ctx, r.setup.Engine); err != nil {
		return err
	}
	if r.setup.Native {
		r.house = stack.OverNative(r.house)
	}
	if r.link, err = stack.Proxy(r.house.Addr()); err != nil {
		return err
	}
	r.scene = &faults.Scene{Bridge: r.lives, House: r.house, HouseLink: r.link, Timeline: faults.NewTimeline()}
	r.scene.Timeline.Sent, r.scene.Timeline.Reach, r.scene.Timeline.Last = r.sent, r.reach, r.last
	if err := r.addDisk(); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(r.Seed, 1))
	for _, kind := range r.setup.Sources {
		if err := r.addSource(ctx, kind, rand.New(rand.NewPCG(r.Seed, random.Uint64()))); err != nil {
			return err
		}
	}
	if r.Script == nil {
		r.Script = faults.Draw(r.drawn(), random)
	}
	if err := r.writeConfig(); err != nil {
		return err
	}
	if err := r.lives.Start(ctx); err != nil {
		return err
	}
	if err := r.awaitConnected(ctx); err != nil {
		return err
	}
	for _, s := range r.sources {
		s.pub.Start()
	}
	return r.recovered(ctx, nil)
}

// tell says what each round came to.
func (r *Run) tell(rounds []report.Round) {
	for _, round := range rounds {
		for _, s := range r.sources {
			c := round.Counts[s.Name]
			r.log("%s: %v: %s: %+v", r.setup.Name, round.Faults, s.Name, c)
		}
	}
}

// drawn are the faults that the seed draws from.
func (r *Run) drawn() (drawn []faults.Fault) {
	for _, f := range faults.Possible(r.scene) {
		if len(r.Faults) == 0 || slices.Contains(r.Faults, f.Name) {
			drawn = append(drawn, f)
		}
	}
	if r.Most == 0 || r.Most >= len(drawn) {
		return drawn
	}
	order := rand.New(rand.NewPCG(uint64(len(drawn)), 1)).Perm(len(drawn)) // the same in each lap
	turn := make([]faults.Fault, r.Most)
	for i := range turn {
		turn[i] = drawn[order[(r.Lap*r.Most+i)%len(order)]]
	}
	return turn
}

func (r *Run) awaitConnected(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := r.lives.now.AwaitHealth(ctx, "everything is connected", func(h harness.Health) bool {
		for _, s := range r.sources {
			if !h.Inputs[s.Name].Connected {
				return false
			}
		}
		return h.Outputs["clickhouse"].Connected
	})
	return err
}

// sent is the last record of each source of core NATS that the server has for certain.
func (r *Run) sent() map[string]int64 {
	sent := map[string]int64{}
	for _, s := range r.sources {
		if s.Kind == model.Core {
			sent[s.Name] = s.pub.Sent()
		}
	}
	return sent
}

// reach is what each source has not been told to be settled: as it says now, or
// where it does not answer, as it said last.
func (r *Run) reach() map[string]model.Reach {
	reach := map[string]model.Reach{}
	for _, s := range r.sources {
		if s.floor == nil {
			continue
		}
		epoch := s.pub.Epoch()
		ctx, cancel := context.WithTimeout(context.Background(), soonKnown)
		floor, err := s.floor(ctx)
		if err == nil || s.reach.Epoch != epoch {
			s.reach.Epoch, s.reach.Floor = epoch, floor
		}
		if newest, err := validate.Newest(ctx, r.house, s.table.Name); err == nil && len(newest) > 0 {
			s.reach.Stored = make([]int64, len(s.pub.Last()))
			for part, seq := range newest {
				s.reach.Stored[part] = seq
			}
		}
		cancel()
		reach[s.Name] = s.reach
	}
	return reach
}

// soonKnown is how long a server that may be away is asked.
const soonKnown = 500 * time.Millisecond

// last are the last records of a source.
func (r *Run) last(source string) []int64 {
	for _, s := range r.sources {
		if s.Name == source {
			return s.pub.Last()
		}
	}
	return nil
}

func (r *Run) play(ctx context.Context) error {
	r.log("%s, seed %d: %s", r.setup.Name, r.Seed, r.Script)
	return r.Script.Play(ctx, faults.Stage{Scene: r.scene, Recover: r.recovered})
}

// recovered waits until a record of each part is stored that was published after it
// was called.
func (r *Run) recovered(ctx context.Context, happened []string) error {
	began := time.Now()
	heard := map[string]int64{}
	for _, s := range r.sources {
		newest, err := r.awaitFresh(ctx, s)
		if err != nil {
			return fmt.Errorf("after %v: %w", happened, err)
		}
		if s.Kind == model.Core {
			heard[s.Name] = newest[0]
		}
	}
	r.scene.Timeline.Heard(heard)
	r.reach() // while everybody answers
	if len(r.lives.crashes()) > 0 {
		return errors.New("the bridge has crashed")
	}
	done := round{faults: happened, recovery: time.Since(began), ends: time.Now(), last: map[string][]int64{}}
	for _, s := range r.sources {
		done.last[s.Name] = s.pub.Last()
	}
	r.rounds = append(r.rounds, done)
	if len(happened) > 0 {
		r.log("%s: %v: all sources are stored again after %s", r.setup.Name, happened, done.recovery.Round(10*time.Millisecond))
	}
	return nil
}

// awaitFresh waits for a record of each part that is published from now on.
func (r *Run) awaitFresh(ctx context.Context, s *source) (newest map[int]int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	last := s.pub.Last()
	for {
		newest, err = validate.Newest(ctx, r.house, s.table.Name)
		if err == nil && fresher(newest, last) {
			return newest, nil
		}
		if faults.Sleep(ctx, lookEvery) != nil {
			return nil, fmt.Errorf("waiting for a record of %s that is newer than %v: the table has %v (%w)", s.Name, last, newest, errors.Join(err, ctx.Err()))
		}
	}
}

func fresher(newest map[int]int64, last []int64) bool {
	for part, seq := range last {
		if newest[part] <= seq {
			return false
		}
	}
	return true
}

// close ends the run and puts away what it had in the servers.
func (r *Run) close() {
	for _, s := range r.sources {
		s.pub.Stop()
	}
	r.lives.close()
	for _, s := range r.sources {
		s.close()
		if s.table != nil {
			for _, table := range s.tables() {
				_ = r.house.Exec(context.Background(), "DROP TABLE IF EXISTS "+table)
			}
		}
	}
	if r.link != nil {
		r.link.Close()
	}
}
