// Package monitoring checks that the alerts and the dashboard of config/monitoring
// ask for series that exist. It is a module of its own, since it needs Prometheus'
// parser, which is not to enter the product's dependencies.
package monitoring

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

const root = "../.."

// series are the known names, each with the labels that it may have.
type series map[string][]string

// scraped are the labels that every series has by the time it is asked for.
var scraped = []string{"job", "instance"}

// catalogue reads docs/metrics.md, which is generated from the exporter's.
func catalogue(t *testing.T) series {
	t.Helper()
	known := series{"up": scraped, "data_bridge_build_info": append([]string{"version", "date", "go_version"}, scraped...)}
	for _, name := range []string{"process_resident_memory_bytes", "process_cpu_seconds_total", "go_memstats_heap_inuse_bytes"} {
		known[name] = scraped
	}
	row := regexp.MustCompile("^\\| `(data_bridge_\\w+)` \\| `\\w+` \\| (counter|gauge|histogram) \\| (.*?) \\|")
	ofHost := append([]string{"label", "path", "stream"}, scraped...)
	for line := range strings.Lines(read(t, "docs/metrics.md")) {
		m := row.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		own := append(strings.FieldsFunc(m[3], func(r rune) bool { return strings.ContainsRune("`, ", r) }), ofHost...)
		if m[2] != "histogram" {
			known[m[1]] = own
			continue
		}
		known[m[1]+"_bucket"] = append([]string{"le"}, own...)
		known[m[1]+"_sum"], known[m[1]+"_count"] = own, own
	}
	require.Greater(t, len(known), 50)
	return known
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(text)
}

// check parses an expression and looks up everything that it names.
func (known series) check(t *testing.T, expr string) {
	t.Helper()
	parsed, err := parser.ParseExpr(expr)
	require.NoError(t, err, expr)
	var used []string // labels that any of its series has
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		v, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		has, ok := known[v.Name]
		assert.True(t, ok, "there is no %q, which is asked for by %s", v.Name, expr)
		used = append(used, has...)
		for _, m := range v.LabelMatchers {
			if m.Name != labels.MetricName {
				assert.Contains(t, has, m.Name, "%s has no such label: %s", v.Name, expr)
			}
		}
		return nil
	})
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		var named []string
		switch n := node.(type) {
		case *parser.AggregateExpr:
			named = n.Grouping
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				named = n.VectorMatching.MatchingLabels
			}
		}
		for _, label := range named {
			assert.Contains(t, used, label, "no series has such a label: %s", expr)
		}
		return nil
	})
}

// rule is one alert.
type rule struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func rules(t *testing.T) (all []rule) {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []rule }
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "config/monitoring/data-bridge.rules.yaml")), &file))
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	require.NotEmpty(t, all)
	return all
}

func TestAlertsAskForSeriesThatExist(t *testing.T) {
	known := catalogue(t)
	for _, r := range rules(t) {
		known.check(t, r.Expr)
	}
}

// Whoever is woken up by an alert finds out what it means and what to do.
func TestAlertsAreExplained(t *testing.T) {
	sections := regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(read(t, "docs/runbook.md"), -1)
	var explained []string
	for _, s := range sections {
		explained = append(explained, s[1])
	}
	var alerts []string
	for _, r := range rules(t) {
		alerts = append(alerts, r.Alert)
		assert.Contains(t, []string{"warning", "critical"}, r.Labels["severity"], r.Alert)
		assert.NotEmpty(t, r.Annotations["summary"], r.Alert)
		assert.NotEmpty(t, r.Annotations["description"], r.Alert)
		_, anchor, _ := strings.Cut(r.Annotations["runbook_url"], "docs/runbook.md#")
		assert.Equal(t, strings.ToLower(r.Alert), anchor, r.Alert)
	}
	assert.ElementsMatch(t, alerts, explained, "one section for each alert")
}

// Every alert is tested both ways: see the Makefile's monitoring.
func TestAlertsAreTestedBothWays(t *testing.T) {
	var file struct {
		Tests []struct {
			Rules []struct {
				Alertname string
				Alerts    []any `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "tests/monitoring/data-bridge.rules.test.yaml")), &file))
	fires, rests := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, r := range test.Rules {
			fires[r.Alertname] = fires[r.Alertname] || len(r.Alerts) > 0
			rests[r.Alertname] = rests[r.Alertname] || len(r.Alerts) == 0
		}
	}
	for _, r := range rules(t) {
		assert.True(t, fires[r.Alert], "%s is not shown to fire", r.Alert)
		assert.True(t, rests[r.Alert], "%s is not shown not to fire", r.Alert)
	}
}

// board is what of a dashboard is checked.
type board struct {
	UID, Title  string
	Annotations struct {
		List []struct{ Name, Expr string }
	}
	Templating struct {
		List []struct{ Name, Definition string }
	}
	Panels []struct {
		ID                 int
		Title, Description string
		GridPos            struct{ X, Y, W, H int }
		Datasource         struct{ UID string }
		Targets            []struct{ Expr, LegendFormat string }
	}
}

func dashboard(t *testing.T) (b board) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(read(t, "config/monitoring/grafana/data-bridge.json")), &b))
	return b
}

// variables are what Grafana puts in before it asks.
var variables = strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*")

func TestDashboardAsksForSeriesThatExist(t *testing.T) {
	known, b := catalogue(t), dashboard(t)
	for _, p := range b.Panels {
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			known.check(t, variables.Replace(target.Expr))
			for _, m := range regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				assert.True(t, known.mayHave(target.Expr, m[1]), "%s: no label %s for the legend", p.Title, m[1])
			}
		}
	}
	for _, a := range b.Annotations.List {
		known.check(t, variables.Replace(a.Expr))
	}
	for _, v := range b.Templating.List {
		if m := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`).FindStringSubmatch(v.Definition); m != nil {
			assert.Contains(t, known[m[1]], m[2])
		}
	}
}

// mayHave reports whether any series of the expression has the label.
func (known series) mayHave(expr, label string) bool {
	for name, has := range known {
		if strings.Contains(expr, name+"{") && slices.Contains(has, label) {
			return true
		}
	}
	return false
}

// What an operator looks for first is there, and nothing lies over anything else.
func TestDashboardIsWhole(t *testing.T) {
	b := dashboard(t)
	assert.Equal(t, "data-bridge", b.UID)
	taken := map[[2]int]string{}
	ids := map[int]bool{}
	var all strings.Builder
	for _, p := range b.Panels {
		assert.NotEmpty(t, p.Description, p.Title)
		assert.Equal(t, "${datasource}", p.Datasource.UID, p.Title)
		assert.False(t, ids[p.ID], p.Title)
		ids[p.ID] = true
		for _, target := range p.Targets {
			all.WriteString(target.Expr + "\n")
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				assert.Less(t, x, 24, p.Title)
				assert.Empty(t, taken[[2]int{x, y}], "%s lies over it", p.Title)
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	for _, name := range []string{
		"level_records", "pause_threshold_records", "resume_threshold_records", "source_received", "inserted_rows", "source_lag", "insert_seconds_bucket",
		"insert_rows_bucket", "retry_queue", "dead_letters", "source_dropped", "resident_memory", "oldest_record_age",
		"retry_queue_rows", "held_rows", "parked_rows", "processor_errors", "alerts_lost", "alerts_waiting", "overrides",
	} {
		assert.Contains(t, all.String(), name)
	}
	require.Len(t, b.Annotations.List, 2)
	assert.Contains(t, b.Annotations.List[0].Expr, "backpressure_active")
}
