//go:build long

package clickhouse

import "testing"

// TestLongDifferential tries many more tables, and says which faults are mended,
// so that they need not be allowed any more.
func TestLongDifferential(t *testing.T) {
	runDifferential(t, 250, func(d *differential) {
		if *diffTables > 0 {
			return // too few to meet them all
		}
		for name, f := range diffFamilies {
			if f.weight > 0 && d.tally.families[name] == 0 {
				t.Errorf("no value of type %s was stored", name)
			}
		}
		for _, rule := range diffRules {
			if rule.fault && d.tally.allowed[rule] == 0 {
				t.Errorf("stale: no record met this fault any more, take it out of diffRules: %s: %s", rule.what, rule.why)
			}
		}
	})
}
