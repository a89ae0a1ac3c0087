package report

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/tests/robustness/faults"
	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// two runs: one is well, one broke a promise.
func two() []Run {
	return []Run{
		{
			Setup: "one", Engine: "chdb http", Seed: 1, Took: time.Minute, Versions: map[string]string{"ClickHouse": "26.7"},
			Verdicts: []model.Verdict{{Source: "kafka", Kind: model.Kafka, Records: 12_500, Duplicated: 30}, {Source: "core", Kind: model.Core, Records: 700, Lost: 9}},
			Rounds: []Round{
				{Counts: map[string]Counts{"kafka": {Records: 500}}},
				{Faults: []string{"bridge.kill"}, Recovery: 1500 * time.Millisecond, Counts: map[string]Counts{"kafka": {Records: 5000, Duplicated: 30}, "core": {Records: 700}}},
				{Faults: []string{"bridge.kill", "kafka.stall"}, Recovery: 2500 * time.Millisecond, Counts: map[string]Counts{"kafka": {Records: 7000}}},
			},
		},
		{
			Setup: "two", Engine: "legacy native", Seed: 2, Took: 2 * time.Minute,
			Verdicts: []model.Verdict{{Source: "kafka", Kind: model.Kafka, Records: 100, Missing: 2, Problems: []string{"kafka: 2 records are gone"}}},
			Rounds:   []Round{{Faults: []string{"kafka.stall"}, Recovery: time.Second, Counts: map[string]Counts{"kafka": {Records: 100, Missing: 2}}}},
		},
	}
}

func TestThePageSaysWhatTheRunsSaid(t *testing.T) {
	text := Page(About{
		Date: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC), Version: "v1", Machine: "2 processors",
		Findings: []Finding{{What: "rows are lost", Cause: "a race", State: "mended", Test: "TestMain", Setup: "one", Script: "bridge.kill !"}},
	}, two())
	for _, want := range []string{
		"2026-11-27, data-bridge v1, 2 processors; ClickHouse 26.7.",
		"| faults | 4 |", "| of them overlapping others | 2 |", "| records published | 13,300 |", "| **missing** | 2 |", "| duplicated | 30 |",
		"| slowest recovery | 2.5 s |", "| minutes | 3 |",
		"- two, seed 2:\n  - kafka: 2 records are gone\n",
		"| rows are lost | a race | mended (`TestMain`) | set-up one: `bridge.kill !` |",
		"### chdb http\n", "| bridge.kill | Kafka | 2 | 1 | 12,000 | 0 | 0 | 30 | 0 | 2.5 s |", "| bridge.kill | core NATS | 2 | 1 | 700 | 0 | 0 | 0 | 0 | 2.5 s |",
		"| kafka.stall | Kafka | 1 | 1 | 7,000 | 0 | 0 | 0 | 0 | 2.5 s |",
		"### legacy native\n", "| kafka.stall | Kafka | 1 | 0 | 100 | 2 | 0 | 0 | 0 | 1.0 s |",
		"| 1 | one | chdb http | 3 | 13,200 | 1m0s |",
	} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "Every promise was kept.")
	assert.Contains(t, Page(About{}, two()[:1]), "Every promise was kept.")
}

// Each finding says what it takes to find it again.
func TestFindingsAreComplete(t *testing.T) {
	list, err := Findings()
	require.NoError(t, err)
	for _, f := range list {
		assert.NotEmpty(t, f.What)
		assert.NotEmpty(t, f.Cause, f.What)
		assert.NotEmpty(t, f.Setup, f.What)
		assert.Contains(t, []string{"mended", "open", "the harness's own"}, f.State, f.What)
		assert.True(t, f.Seed != 0 || f.Script != "", f.What)
		_, err := faults.Parse(f.Script)
		assert.NoError(t, err, f.What)
		assert.NotContains(t, strings.Join([]string{f.What, f.Cause, f.Script}, ""), "|", f.What)
	}
}
