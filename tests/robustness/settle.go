package robustness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/robustness/faults"
	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
	"github.com/data-bridge-io/data-bridge/tests/robustness/report"
	"github.com/data-bridge-io/data-bridge/tests/robustness/validate"
)

// runs numbers them, so that each has names of its own in the servers.
var runs atomic.Int64

// settle ends the publishers, and waits until nothing is on its way any more: not at
// a server, not in the bridge.
func (r *Run) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, s := range r.sources {
		s.pub.Stop()
	}
	for _, s := range r.sources {
		if err := r.fence(ctx, s); err != nil {
			return err
		}
	}
	for {
		why, err := r.unsettled(ctx)
		if err == nil && why == "" {
			return r.lives.now.ask(ctx)
		}
		if faults.Sleep(ctx, 2*lookEvery) != nil {
			return fmt.Errorf("waiting until all is settled: %s (%w)", why, errors.Join(err, ctx.Err()))
		}
	}
}

// fence publishes last records until they are stored: all that came before them has
// been received then, but for what is delivered again.
func (r *Run) fence(ctx context.Context, s *source) error {
	for {
		fence, err := s.pub.Fence(ctx)
		if err != nil {
			return err
		}
		for range 20 {
			newest, err := validate.Newest(ctx, r.house, s.table.Name)
			if err == nil && reached(newest, fence) {
				return nil
			}
			if faults.Sleep(ctx, lookEvery) != nil {
				return fmt.Errorf("waiting for the last records of %s, %v: the table has %v (%w)", s.Name, fence, newest, errors.Join(err, ctx.Err()))
			}
		}
	}
}

func reached(newest map[int]int64, fence []int64) bool {
	for part, seq := range fence {
		if newest[part] < seq {
			return false
		}
	}
	return true
}

// unsettled is why something is still on its way; empty when nothing is.
func (r *Run) unsettled(ctx context.Context) (string, error) {
	for _, s := range r.sources {
		if why, err := s.settled(ctx); err != nil || why != "" {
			return s.Name + ": " + why, err
		}
	}
	h, err := r.lives.now.Health(ctx)
	if err != nil {
		return "", err
	}
	if level := h.Metrics.Backpressure.Level; level > 0 {
		return fmt.Sprintf("the bridge holds %d", level), nil
	}
	return "", nil
}

// judge ends the bridge as an operator does, finds out what became of all records,
// and compares that with what may have.
func (r *Run) judge(ctx context.Context) (result report.Run, err error) {
	result = report.Run{Engine: r.engine(), Versions: r.versions()}
	code, err := terminate(ctx, r.lives.now)
	if err != nil {
		return result, err
	}
	if code != 0 {
		result.Problems = append(result.Problems, fmt.Sprintf("the bridge had nothing left to do, and its exit code is %d", code))
	}
	result.Problems = append(result.Problems, r.lives.crashes()...)
	rounds := r.newRounds()
	for _, s := range r.sources {
		history := s.pub.Records()
		rows, err := validate.Rows(ctx, r.house, s.tables())
		if err != nil {
			return result, err
		}
		r.found(s, rows)
		seen := model.Observed{Lives: r.livesOf(s)}
		for _, row := range rows {
			seen.Rows = append(seen.Rows, row.Row)
		}
		if seen.Torn, err = validate.Torn(ctx, r.house, s.tables()); err != nil {
			return result, err
		}
		for _, instance := range []string{first, second} {
			letters, err := validate.Letters(r.letters(instance), r.id+"_"+s.Name, history)
			if err != nil {
				return result, err
			}
			seen.Letters = append(seen.Letters, letters...)
		}
		v := model.Check(s.Source, history, r.scene.Timeline.Events(), seen)
		r.log("%s: %s: %d records, %d stored, %d dead-lettered, %d counted, %d lost, %d missing, %d uncounted, %d duplicated, %d reordered",
			r.setup.Name, s.Name, v.Records, v.Stored, v.DeadLettered, v.Counted, v.Lost, v.Missing, v.Uncounted, v.Duplicated, v.Reordered)
		result.Verdicts = append(result.Verdicts, v)
		rounds.share(s.Name, v, history, rows)
	}
	result.Rounds = rounds.done
	r.tell(result.Rounds)
	return result, nil
}

// livesOf are the processes with their figures of a source: the one that was there
// in the end comes last.
func (r *Run) livesOf(s *source) (lives []model.Life) {
	table := r.id + "_" + s.Name
	for _, l := range r.lives.all {
		if l != r.lives.now {
			lives = append(lives, model.Life{Ending: l.ending, Counters: l.counters(s.Name, table)})
		}
	}
	return append(lives, model.Life{Ending: model.Running, Counters: r.lives.now.counters(s.Name, table)})
}

func (r *Run) engine() string {
	return r.house.Kind() + " " + r.house.Protocol()
}

func (r *Run) versions() map[string]string {
	v := map[string]string{"ClickHouse (" + r.house.Kind() + ")": r.house.Version()}
	if r.scene.Kafka != nil {
		v[r.scene.Kafka.Name()] = ""
	}
	return v
}

// keep writes down what there is to know of a run that failed: beside the
// configuration, the logs and the dead letters, the histories, the result and the last
// figures of each process.
func (r *Run) keep(result report.Run) error {
	var errs []error
	for _, s := range r.sources {
		file, err := os.Create(filepath.Join(r.dir, "history_"+s.Name+".jsonl"))
		if err == nil {
			err = errors.Join(s.pub.Write(file), file.Close())
		}
		errs = append(errs, err, r.keepRows(s))
	}
	var last []harness.Health
	for _, l := range r.lives.all {
		last = append(last, l.figures())
	}
	for name, what := range map[string]any{"result.json": result, "health.json": last, "events.json": r.events()} {
		text, err := json.MarshalIndent(what, "", "  ")
		if err == nil {
			err = os.WriteFile(filepath.Join(r.dir, name), text, 0o600)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// found notes the rows of a source.
func (r *Run) found(s *source, rows []validate.Row) {
	if r.rows == nil {
		r.rows = map[string][]validate.Row{}
	}
	r.rows[s.Name] = rows
}

// keepRows writes the rows of a source down, in the order in which they were inserted.
func (r *Run) keepRows(s *source) error {
	var text strings.Builder
	for _, row := range r.rows[s.Name] {
		fmt.Fprintf(&text, "%d\t%d\t%d\t%d\n", row.Part, row.Seq, row.Size, row.At)
	}
	return os.WriteFile(filepath.Join(r.dir, "rows_"+s.Name+".tsv"), []byte(text.String()), 0o600)
}

func (r *Run) events() []model.Event {
	if r.scene == nil {
		return nil
	}
	return r.scene.Timeline.Events()
}
