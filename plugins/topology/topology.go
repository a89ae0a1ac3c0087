// Package topology says what stands between the inputs of a stream and its
// output: processors, whether they are of an input, of the pipeline, of an output
// or within one another; brokers, switches and batching; and the resources that
// they name. Components see only their own part of a configuration; this sees the
// whole, and is the one place where it is judged.
//
// A Topology is made of a parsed configuration, by lint, and by Watch of every
// stream that the host builds: of `run`, of streams mode and its API, and after a
// reload. It never changes; every generation of a stream has its own, which the
// stream's components find with Of.
package topology

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Config holds the parts of a parsed configuration, as the host names them: input,
// buffer, pipeline, output, error_handling, and the lists input_resources, processor_resources and
// output_resources. Values are YAML nodes, or maps, lists and scalars; what is absent
// is not there.
type Config map[string]any

// parts are the fields of a configuration that make a stream.
var parts = append([]string{"input", "buffer", "pipeline", "output"}, resourceParts...)

// resourceParts are those of them that list resources.
var resourceParts = []string{"input_resources", "processor_resources", "output_resources"}

// Topology is what stands between the inputs of a stream and its output. It is
// immutable. The zero value knows nothing: it allows nothing that takes knowledge,
// and finds no fault.
type Topology struct {
	tree   *tree
	faults []Fault
}

// Fault is something in a configuration that would store records wrongly, or
// blindly, or would not run.
type Fault struct {
	// Path is the place in the configuration, such as pipeline.processors.0.
	Path string
	// Line is that of Path in the file, or 0 where it is not known.
	Line int
	// What says what is wrong and what would be right.
	What string
}

// Error says where and what.
func (f Fault) Error() string { return f.Path + " " + f.What }

// New judges a configuration. Components are known by what is registered with the
// host. stream is the name of the stream in streams mode, else empty.
func New(conf Config, stream string) (*Topology, error) {
	tr, err := newTree(conf)
	if err != nil {
		return nil, fmt.Errorf("reading what stands between input and output: %w", err)
	}
	tr.stream = stream
	t := &Topology{tree: tr}
	for _, rule := range []func(*tree) []Fault{framesApart, chunksWhole, gatesMeet, rejectsCaught, lettersTaken, strictCaught, metadataGiven, valuesFit, labelsExist} {
		t.faults = append(t.faults, rule(tr)...)
	}
	return t, nil
}

// Faults are what is wrong, in the order of the rules and of the configuration.
func (t *Topology) Faults() []Fault {
	if t == nil {
		return nil
	}
	return t.faults
}

// Err is all faults in one line, or nil when there is none.
func (t *Topology) Err() error {
	if len(t.Faults()) == 0 {
		return nil
	}
	words := make([]string, len(t.faults))
	for i, f := range t.faults {
		words[i] = f.Error()
	}
	return errors.New(strings.Join(words, "; "))
}

// Originals reports whether the buffer may hand out the messages that it keeps for
// a retry: nothing behind it is known to be there but a clickhouse output, which
// changes none. Resources do not count as known: they can be replaced while the
// stream runs.
func (t *Topology) Originals() bool {
	if t == nil || t.tree == nil {
		return false
	}
	out := t.tree.output
	return out != nil && out.name == clickhouse && len(t.tree.pipeline) == 0 && len(out.own()) == 0
}

// Frames reports whether inputs may put many records in one message: everything
// behind them takes records apart, or does not look.
func (t *Topology) Frames() bool {
	return t != nil && t.tree != nil && len(framesFrom(t.tree, everyInput)) == 0
}

// ExactlyOnce reports whether chunks of an input reach the output as they were
// made, so that exactly_once may be used.
func (t *Topology) ExactlyOnce() bool {
	return t != nil && t.tree != nil && len(chunksFrom(t.tree, everyInput)) == 0
}

// Chunks reports whether an input of the stream relies on the output to store what
// it delivers once (exactly_once).
func (t *Topology) Chunks() bool {
	found := false
	if t != nil && t.tree != nil {
		t.tree.within(t.tree.input, func(n *node, _ []*node) { found = found || announces(n) })
	}
	return found
}

// Gates are the gates that the stream's own components name, each with the paths
// of those that do.
func (t *Topology) Gates() map[string][]string {
	gates := map[string][]string{}
	if t == nil || t.tree == nil {
		return gates
	}
	for _, m := range t.tree.members() {
		gates[m.gate] = append(gates[m.gate], m.path)
	}
	return gates
}

// known is the host's schema: the walk needs to know which fields hold components.
func known() *service.StreamConfigWalker {
	return service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigWalker()
}
