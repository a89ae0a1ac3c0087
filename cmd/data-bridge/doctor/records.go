package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/plugins/frame"
)

// pure are the processors that do nothing but change messages, and so may be
// applied to a sample.
var pure = []string{
	"bloblang", "mapping", "mutation", "noop", "jmespath", "json_schema", "split", "unarchive", "archive",
	"decompress", "compress", "select_parts", "insert_part", "group_by_value", frame.UnframeName,
}

var errImpure = errors.New("may do more than change messages, so the records are checked as they came")

// tryRecords lets every clickhouse output look at the records that it would get.
func (c *check) tryRecords(ctx context.Context, built *components, samples map[string]*checkup.Sample) {
	for _, e := range built.roster.Entries() {
		t, ok := e.Component.(checkup.Taker)
		if !ok || !c.up[nameOf(e)] {
			continue
		}
		c.report(nameOf(e), func(r *checkup.Report) {
			for _, branch := range []string{"switch", "dead_letter"} {
				if slices.Contains(e.Path, branch) {
					r.Info("records", "", "not checked: which records come here is up to the %s before it", branch)
					return
				}
			}
			var arriving []*checkup.Sample
			for _, in := range built.roster.Entries() {
				if s := samples[nameOf(in)]; s != nil {
					arriving = append(arriving, c.process(ctx, in, e, s, r))
				}
			}
			t.Try(ctx, c.facts, arriving, r)
		})
	}
}

// process returns what the processors between an input and an output make of a
// sample, or the sample where they cannot be applied.
func (c *check) process(ctx context.Context, in, out checkup.Entry, s *checkup.Sample, report *checkup.Report) *checkup.Sample {
	between := c.between(in, out)
	if len(between) == 0 || s.Records == 0 {
		return s
	}
	for _, p := range between {
		for name := range kindsOf(p) {
			if !slices.Contains(pure, name) {
				report.Unchecked("records", "", fmt.Errorf("%s: processor %s %w", s.Input, name, errImpure))
				return s
			}
		}
	}
	batches, err := apply(ctx, between, s.Batch)
	if err != nil {
		report.Unchecked("records", "", fmt.Errorf("%s: applying the processors: %w", s.Input, err))
		return s
	}
	changed := *s
	changed.Batch, changed.Bytes = nil, 0
	var failure error
	failed := 0
	for _, b := range batches {
		for _, m := range b {
			if err := m.GetError(); err != nil {
				failure = err
				failed++
			}
			body, _ := m.AsBytes() // what is wrong with it the output says
			changed.Bytes += int64(len(body))
			changed.Batch = append(changed.Batch, m)
		}
	}
	changed.Records = len(changed.Batch)
	if failed > 0 {
		report.Fail("records", "", fmt.Sprintf("%s: the processors fail on %d of %d records: %v", s.Input, failed, changed.Records, failure),
			"mend the processors, or the publisher; until then these records go to dead_letter, or with on_processor_error: store are stored as they were")
	}
	if changed.Records == 0 {
		report.Info("records", "", "%s: the processors drop all of %d records", s.Input, s.Records)
	}
	return &changed
}

// kindsOf is what a processor may be: the keys of its config but for those that
// each has.
func kindsOf(processor any) map[string]any {
	fields, _ := processor.(map[string]any)
	kinds := maps.Clone(fields)
	delete(kinds, "label")
	return kinds
}

// between lists the processors on the way from an input to an output: of the
// input and what it is a part of, from the inside, of the pipeline, and of the
// output, from the outside.
func (c *check) between(in, out checkup.Entry) (all []any) {
	of := func(node any) []any {
		fields, _ := node.(map[string]any)
		list, _ := fields["processors"].([]any)
		return list
	}
	for _, node := range slices.Backward(c.nodes(in)) {
		all = append(all, of(node)...)
	}
	all = append(all, of(c.root["pipeline"])...)
	for _, node := range c.nodes(out) {
		all = append(all, of(node)...)
	}
	return all
}

// nodes are the parts of the config that a component lies in, the outermost first.
func (c *check) nodes(e checkup.Entry) (nodes []any) {
	var node any = c.root
	if shared := c.resource(e); shared != nil { // where it is referred to is not known
		return []any{shared}
	}
	for i, key := range e.Path {
		if i == 0 {
			key = strings.TrimSuffix(key, "_resources")
		}
		switch at := node.(type) {
		case map[string]any:
			node = at[key]
		case []any:
			n, err := strconv.Atoi(key)
			if err != nil || n >= len(at) {
				return nodes
			}
			node = at[n]
		}
		if node == nil {
			return nodes
		}
		nodes = append(nodes, node)
	}
	return nodes
}

// resource is the item of the config's own resources that a component is; nil for
// one of the stream.
func (c *check) resource(e checkup.Entry) any {
	if len(e.Path) == 0 || e.Label == "" {
		return nil
	}
	list, _ := c.root[e.Path[0]].([]any)
	for _, item := range list {
		if fields, ok := item.(map[string]any); ok && fields["label"] == e.Label {
			return item
		}
	}
	return nil
}

const fieldProcessors = "processors"

// apply runs a batch through processors that need nothing around them.
func apply(ctx context.Context, processors []any, batch service.MessageBatch) ([]service.MessageBatch, error) {
	text, err := yaml.Marshal(map[string]any{fieldProcessors: processors})
	if err != nil {
		return nil, err
	}
	conf, err := service.NewConfigSpec().Field(service.NewProcessorListField(fieldProcessors)).ParseYAML(string(text), nil)
	if err != nil {
		return nil, err
	}
	built, err := conf.FieldProcessorList(fieldProcessors)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, p := range built {
			_ = p.Close(ctx)
		}
	}()
	return service.ExecuteProcessors(ctx, built, batch.DeepCopy())
}
