package report

import (
	"time"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

// Round is what lies between two recoveries: some faults, alone or overlapping.
type Round struct {
	Faults   []string
	Recovery time.Duration // from the end of the last of them until every source was stored again
	Counts   map[string]Counts
}

// Counts are records of one source in a round: those published in it, and what
// became of them; repeated and late ones are those that were inserted in it.
type Counts struct{ Records, Missing, Uncounted, Duplicated, Reordered int64 }

// Run is one run that has ended.
type Run struct {
	Setup  string
	Engine string
	Seed   uint64
	Script string
	Took   time.Duration
	Rounds []Round
	// Verdicts are those of the sources.
	Verdicts []model.Verdict
	// Problems are of the run as a whole.
	Problems []string
	// Versions of the servers, by what they are.
	Versions map[string]string
}

// Failed are all the promises that were broken, in words.
func (r Run) Failed() []string {
	failed := append([]string(nil), r.Problems...)
	for _, v := range r.Verdicts {
		failed = append(failed, v.Problems...)
	}
	return failed
}
