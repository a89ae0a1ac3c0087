package clickhouse

import (
	"errors"
	"fmt"
	"sync"

	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

// errTooManyBad says that the rows of a table wait, because most of them are bad.
var errTooManyBad error = &classifiedError{server.SchemaFault, "so many rows do not fit that they are kept instead of becoming dead letters"}

const (
	// leastBad is how many bad rows there have to be before their share counts.
	leastBad = 100
	// leastBadAgain is the same while a table waits for having had too many.
	leastBadAgain = 10
	// recentRows is how many rows the share is taken of, about.
	recentRows = 2000
	// sampleRows is how many rows the server is asked about one by one, at the
	// first refusal of a segment of sampleFrom or more; with so many of them as
	// sampleBad refused, the others are taken to be no better.
	sampleRows = 10
	sampleBad  = 9
	sampleFrom = 256
)

// quality judges by the share of bad rows among the last ones of a table whether
// it is the rows that are at fault, which become dead letters, or the table or
// the configuration: then the rows wait, so that a wrong deployment does not empty
// a topic into the dead letters. It is safe for concurrent use.
type quality struct {
	most float64 // 1 switches the judgement off

	mu        sync.Mutex
	good, bad float64 // of the rows that were settled lately
	waits     bool
}

// settled notes the rows of a chunk that is done.
func (q *quality) settled(good, bad int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waits = false
	q.good += float64(good)
	q.bad += float64(bad)
	if all := q.good + q.bad; all > recentRows {
		q.good *= recentRows / all
		q.bad *= recentRows / all
	}
}

// judge returns an error when the rows of a chunk, with those that were settled
// before, are too bad to go on. Rows that are not judged yet count as good.
func (q *quality) judge(good, bad int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	least := float64(leastBad)
	if q.waits {
		least = leastBadAgain
	}
	allBad, all := q.bad+float64(bad), q.good+q.bad+float64(good+bad)
	if q.most >= 1 || allBad < least || allBad <= q.most*all {
		return nil
	}
	return q.tooBad(allBad, all)
}

// judgeSample is judge for rows that were taken evenly out of many more.
func (q *quality) judgeSample(bad int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.most >= 1 || bad < sampleBad {
		return nil
	}
	return q.tooBad(float64(bad), sampleRows)
}

func (q *quality) tooBad(bad, all float64) error {
	q.waits = true
	return fmt.Errorf("%w: %.0f of %.0f, above %s (%g); put the table, the columns or the records right, or raise it",
		errTooManyBad, bad, all, fieldMaxDeadLetterShare, q.most)
}

// floodError says that the rows are too bad to go on, and by one of them why.
type floodError struct {
	verdict error
	example error
}

func (e *floodError) Error() string { return e.verdict.Error() + "; such as " + e.example.Error() }

// Unwrap returns the verdict alone: that, and no fault of one row, is what the class
// of the error goes by.
func (e *floodError) Unwrap() error { return e.verdict }

// flood adds to a verdict an example of the rows that it is about: one of the column
// that most of them are unfit for, or what the server said of one.
func (c *chunk) flood(verdict error) error {
	counts, most := map[string]int{}, 0
	var example error
	for _, row := range c.unfit {
		var fault *rec.RowError
		if !errors.As(row.err, &fault) {
			continue
		}
		if counts[fault.Column]++; counts[fault.Column] > most {
			example, most = row.err, counts[fault.Column]
		}
	}
	if example == nil && len(c.refused) > 0 {
		example = c.refused[len(c.refused)-1].err
	}
	if example == nil {
		return verdict
	}
	return &floodError{verdict, example}
}
