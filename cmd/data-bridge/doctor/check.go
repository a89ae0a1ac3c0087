package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/secret"
	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/variable"
	"github.com/data-bridge-io/data-bridge/plugins/backpressure"
	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/plugins/topology"
)

// check is the examination of one config.
type check struct {
	host    Host
	options Options
	secrets secret.Values

	root  map[string]any // the config, parsed, its variables filled in
	facts checkup.Facts
	up    map[string]bool // whether any server of a component is reached, by its name

	findings []checkup.Finding
}

// report adds what fn reports of a component.
func (c *check) report(component string, fn func(*checkup.Report)) {
	r := checkup.NewReport(component)
	fn(r)
	c.findings = append(c.findings, r.Findings()...)
}

func (c *check) run(ctx context.Context, text []byte) {
	c.lint(text)
	if !c.parse(text) || !c.readBuffer() {
		return
	}
	built, err := c.build()
	if err == nil {
		defer built.close()
		err = c.testConnections(ctx, built)
	}
	if err != nil {
		c.fail("config", "", err)
		return
	}
	samples := c.takeSamples(ctx, built)
	for _, e := range built.roster.Entries() {
		if x, ok := e.Component.(checkup.Examiner); ok && c.up[nameOf(e)] {
			c.report(nameOf(e), func(r *checkup.Report) { x.Checkup(ctx, c.facts, samples[nameOf(e)], r) })
		}
	}
	c.tryRecords(ctx, built, samples)
	c.checkMemory(built, samples)
}

func (c *check) fail(name, field string, err error) {
	c.report("config", func(r *checkup.Report) { r.Fail(name, field, err.Error(), "") })
}

// lint reports what lint says.
func (c *check) lint(text []byte) {
	lints, err := c.host.Schema().NewStreamConfigLinter().SetEnvVarLookupFunc(variable.Of(string(text))).LintYAML(text)
	if err != nil {
		return // parse says so
	}
	c.report("config", func(r *checkup.Report) {
		for _, l := range lints {
			r.Fail("lint", fmt.Sprintf("line %d", l.Line), l.What, "run refuses the config until this is mended")
		}
		if len(lints) == 0 {
			r.OK("lint", "", "lint finds nothing")
		}
	})
}

// parse fills c.root. It is the host that fills in variables and defaults.
func (c *check) parse(text []byte) bool {
	builder := service.NewStreamBuilder()
	builder.SetSchema(c.host.Schema())
	builder.DisableLinting()
	lookup := variable.Of(string(text))
	builder.SetEnvVarLookupFunc(func(name string) (string, bool) { return lookup(context.Background(), name) })
	err := builder.SetYAML(string(text))
	if err == nil {
		c.root, err = variable.Parts(c.host.Schema(), string(text))
	}
	if err != nil {
		c.fail("config", "", fmt.Errorf("it cannot be parsed: %w", err))
		return false
	}
	c.secrets = secret.Of(c.root, c.host.Schema())
	c.judge()
	return true
}

// judge reports what takes the whole config to see.
func (c *check) judge() {
	t, err := topology.New(c.root, "")
	if err != nil {
		return // build says so
	}
	c.report("config", func(r *checkup.Report) {
		for _, f := range t.Faults() {
			r.Fail("lint", "", f.Error(), "run refuses the config until this is mended")
		}
	})
}

// readBuffer fills c.facts.
func (c *check) readBuffer() bool {
	c.facts.Outage = c.options.Outage
	buffer, _ := c.root["buffer"].(map[string]any)
	conf, ours := buffer["backpressure"]
	if !ours {
		c.report("buffer", func(r *checkup.Report) {
			r.Warn("buffer", "", "there is no backpressure buffer: nothing pauses the inputs, and what the stream holds is not bounded in bytes", "buffer: {backpressure: {}}")
		})
		return true
	}
	text, err := yaml.Marshal(conf)
	if err == nil {
		c.facts.Buffer, err = backpressure.Facts(string(text))
	}
	if err != nil {
		c.report("buffer", func(r *checkup.Report) { r.Fail("config", "", err.Error(), "") })
		return false
	}
	return true
}

// testConnections runs the host's connection tests, which build the components
// first: inputs before outputs, which ask whether an input delivers exactly once.
func (c *check) testConnections(ctx context.Context, built *components) error {
	c.up = map[string]bool{}
	var results service.ConnectionTestResults
	if err := built.res.AccessInput(ctx, built.input, func(in *service.ResourceInput) {
		results = append(results, in.ConnectionTest(ctx)...)
	}); err != nil {
		return err
	}
	if err := built.res.AccessOutput(ctx, built.output, func(out *service.ResourceOutput) {
		results = append(results, out.ConnectionTest(ctx)...)
	}); err != nil {
		return err
	}
	for _, result := range inOrder(results, built.roster.Entries()) {
		name := nameOf(checkup.Entry{Label: result.Label, Path: result.Path})
		c.report(name, func(r *checkup.Report) {
			switch {
			case errors.Is(result.Err, service.ErrConnectionTestNotSupported):
				r.Info("connection", "", "this component cannot be tested without running it")
			case result.Err != nil:
				r.Fail("connection", "", result.Err.Error(), "")
			default:
				c.up[name] = true
				r.OK("connection", "", "its connection test passes")
			}
		})
	}
	return nil
}

// inOrder sorts results, which come in any order of a broker's children, as the
// config has them; components that are not ours come last.
func inOrder(results service.ConnectionTestResults, entries []checkup.Entry) service.ConnectionTestResults {
	place := func(r *service.ConnectionTestResult) int {
		i := slices.IndexFunc(entries, func(e checkup.Entry) bool { return e.Label == r.Label && slices.Equal(e.Path, r.Path) })
		if i < 0 {
			return len(entries)
		}
		return i
	}
	slices.SortStableFunc(results, func(a, b *service.ConnectionTestResult) int { return place(a) - place(b) })
	return results
}

// nameOf is the label of a component, or its path in the config.
func nameOf(e checkup.Entry) string {
	if e.Label == "" {
		e.Path = slices.Clone(e.Path)
		if len(e.Path) > 0 {
			e.Path[0] = strings.TrimSuffix(e.Path[0], "_resources")
		}
	}
	return e.Name()
}

// takeSamples samples every input that is reached, all at once. They are keyed by
// the input's name.
func (c *check) takeSamples(ctx context.Context, built *components) map[string]*checkup.Sample {
	samples := map[string]*checkup.Sample{}
	if c.options.Sample == 0 {
		return samples
	}
	request := checkup.Request{Records: c.options.Sample, Wait: c.options.Wait}
	entries := built.roster.Entries()
	reports := make([]*checkup.Report, len(entries))
	taken := make([]*checkup.Sample, len(entries))
	var wg sync.WaitGroup
	for i, e := range entries {
		reports[i] = checkup.NewReport(nameOf(e))
		if s, ok := e.Component.(checkup.Sampler); ok && c.up[nameOf(e)] {
			wg.Go(func() {
				sample, err := s.Sample(ctx, request)
				c.reportSample(sample, err, reports[i])
				if err == nil {
					taken[i] = sample
				}
			})
		}
	}
	wg.Wait()
	for i, s := range taken {
		c.findings = append(c.findings, reports[i].Findings()...)
		if s != nil {
			s.Input = nameOf(entries[i])
			samples[s.Input] = s
		}
	}
	return samples
}

func (c *check) reportSample(s *checkup.Sample, err error, r *checkup.Report) {
	switch {
	case err != nil:
		r.Unchecked("sample", "", err)
	case s.Records == 0:
		r.Info("sample", "", "nothing came within --wait (%s): records could not be checked", c.options.Wait)
	default:
		r.OK("sample", "", "%d records of %d bytes (%s), %.1f a second", s.Records, s.MeanBytes(), s.Note, s.Rate)
	}
}
