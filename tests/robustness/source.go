package robustness

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/data-bridge-io/data-bridge/tests/robustness/faults"
	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
	"github.com/data-bridge-io/data-bridge/tests/robustness/traffic"
)

// source is one input of the bridge, its publisher, and its table.
type source struct {
	model.Source
	pub   *traffic.Publisher
	table *faults.Table
	input map[string]any // the configuration of the input, but for its label
	// settled tells why the server still has something for the bridge; empty when it
	// has not.
	settled func(ctx context.Context) (why string, err error)
	// floor is the first position that the bridge has not acknowledged, by part; nil for
	// a source that knows no such thing.
	floor func(ctx context.Context) (map[int]int64, error)
	reach model.Reach // as it was known last
	close func()
}

// The bounds of the bridge under test: small, so that pauses are frequent.
const (
	bufferSize = 4000
	inputBatch = 200
	pending    = 4000
	// held is what a bridge may have of core NATS and lose, by docs/delivery.md.
	held = bufferSize + pending + 2*inputBatch
)

// rates are records a second.
var rates = map[string]int{core: 1200, latest: 1200, jet: 800, jetAll: 800, cluster: 500, kafka: 1500, next: 1500, once: 600, onceNew: 600}

// shape is how a source is fed.
func (r *Run) shape(kind string, largest int) traffic.Shape {
	return traffic.Shape{Rate: rates[kind] / max(1, r.setup.Slow), MaxSize: largest, Poison: 400}
}

// addSource makes a source of a kind.
func (r *Run) addSource(ctx context.Context, kind string, random *rand.Rand) error {
	var s *source
	var err error
	switch kind {
	case core, latest:
		s, err = r.coreSource(kind, random)
	case jet, jetAll:
		s, err = r.jetSource(ctx, kind, random)
	case cluster:
		s, err = r.clusterSource(ctx, random)
	case kafka, next, once, onceNew:
		s, err = r.kafkaSource(ctx, kind, random)
	default:
		err = fmt.Errorf("there is no source %q", kind)
	}
	if err != nil {
		return fmt.Errorf("making the source %s: %w", kind, err)
	}
	s.Name, s.Ordered, s.Window = kind, r.setup.Ordered, !r.house.Legacy()
	r.sources = append(r.sources, s)
	return r.addTable(ctx, s)
}

// addTable makes the table of a source.
func (r *Run) addTable(ctx context.Context, s *source) error {
	name := fmt.Sprintf("robustness.%s_%s", r.id, s.Name)
	create := createTable(name, r.house.Legacy())
	s.table = &faults.Table{Name: name, Create: create}
	r.scene.Tables = append(r.scene.Tables, s.table)
	if err := r.house.Exec(ctx, "CREATE DATABASE IF NOT EXISTS robustness"); err != nil {
		return err
	}
	return r.house.Exec(ctx, create)
}

// tables are all that a source has had, the oldest first.
func (s *source) tables() []string {
	return append(append([]string(nil), s.table.Old...), s.table.Name)
}

func (r *Run) metadata(kind string) map[string]any {
	return map[string]any{"table": fmt.Sprintf("%s_%s", r.id, kind)}
}
