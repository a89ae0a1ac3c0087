//go:build long

package clickhouse

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var diffBanned = flag.Int("banned", -1, "differential test: insert into the table of this ban alone")

// TestLongDifferential tries many more tables, and says which faults are mended,
// so that they need not be allowed any more.
func TestLongDifferential(t *testing.T) {
	runDifferential(t, 2000, func(d *differential) {
		if *diffTables > 0 {
			return // too few to meet them all
		}
		for name, f := range diffFamilies {
			if f.weight > 0 && d.tally.families[name] == 0 && !bannedFamily(name) {
				t.Errorf("no value of type %s was stored", name)
			}
		}
		for _, rule := range diffRules {
			if rule.fault && d.tally.allowed[rule] == 0 {
				t.Errorf("stale: no record met this fault any more, take it out of diffRules: %s: %s", rule.what, rule.why)
			}
		}
	})
	for i, ban := range diffBans {
		if !slices.ContainsFunc(diffServers, func(s diffServer) bool { return ban.holds(s.protocol) }) {
			continue
		}
		// In a process of its own, since some of them panic.
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		err := exec.CommandContext(ctx, os.Args[0], "-test.run", "^TestLongBannedTable$", "-banned", strconv.Itoa(i)).Run()
		cancel()
		if err == nil {
			t.Errorf("stale: such a table takes its record, take it out of diffBans: %s", ban.why)
		}
	}
}

// TestLongBannedTable is a part of TestLongDifferential.
func TestLongBannedTable(t *testing.T) {
	if *diffBanned < 0 {
		t.Skip("a part of TestLongDifferential")
	}
	ban := diffBans[*diffBanned]
	for _, s := range diffServers {
		if !ban.holds(s.protocol) {
			continue
		}
		server := byProtocol{servers.get(t, s.kind), s.protocol}
		table := "banned_" + s.protocol
		newDiffEngine(t, server).exec(t, "CREATE TABLE "+table+" ("+ban.columns+") ENGINE = MergeTree ORDER BY tuple() SETTINGS flatten_nested = 0", nil)
		c := &diffCase{record: &diffRecord{n: 1, text: ban.record}}
		d := &differential{server: server}
		require.NoError(t, d.send(t, table, []*diffCase{c}))
		require.Empty(t, c.letter)
		require.Equal(t, [][]string{{"1"}}, query(t, server, "SELECT count() FROM default."+table))
	}
}

// bannedFamily: no table with that type is tried.
func bannedFamily(name string) bool {
	s := &diffSchema{columns: []*diffColumn{{name: "c", t: &diffType{family: diffFamilies[name]}}}, flatten: true}
	return banned(s, byProtocol{})
}
