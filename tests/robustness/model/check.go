package model

import (
	"fmt"
	"slices"
)

// Verdict is what became of the records of a source.
type Verdict struct {
	Source  string
	Kind    Kind
	Records int64 // that were published, refused ones not among them

	Stored       int64 // different ones
	DeadLettered int64 // different ones
	Counted      int64 // discarded or lost at the source, by the figures of the bridge
	// Lost is what the source itself has deleted, or nobody was there to hear.
	Lost int64
	// Missing is what had to be stored or dead-lettered, and is not.
	Missing int64
	// Uncounted is what may be lost, if it is counted, and was not.
	Uncounted int64
	// Duplicated is rows beyond one of each record, promised or not.
	Duplicated int64
	// Reordered is records stored, for the first time, behind a later one of their part.
	Reordered int64

	// Absent are the records that are missing.
	Absent []Key `json:"-"`
	// Problems are the promises that were broken, in words; empty when all is well.
	Problems []string
}

// OK tells whether every promise was kept.
func (v Verdict) OK() bool { return len(v.Problems) == 0 }

func (v *Verdict) problem(format string, args ...any) {
	v.Problems = append(v.Problems, v.Source+": "+fmt.Sprintf(format, args...))
}

// examples are the first of some records, for people.
func examples(keys []Key) string {
	text := ""
	for i, k := range keys {
		if i == 5 {
			return text + fmt.Sprintf(" and %d more", len(keys)-i)
		}
		text += fmt.Sprintf(" %d/%d", k.Part, k.Seq)
	}
	return text
}

// check is the work of Check.
type check struct {
	Verdict
	source  Source
	events  []Event
	history map[Key]Record
	rows    map[Key]int
	letters map[Key]int
	order   []Row
	lives   []Life
}

// Check judges one source. The history holds each record of it once.
func Check(s Source, history []Record, events []Event, o Observed) Verdict {
	c := &check{
		Verdict: Verdict{Source: s.Name, Kind: s.Kind}, source: s, events: events, order: o.Rows, lives: o.Lives,
		history: make(map[Key]Record, len(history)), rows: make(map[Key]int, len(o.Rows)), letters: map[Key]int{},
	}
	for _, r := range history {
		c.history[Key{r.Part, r.Seq}] = r
		if r.Outcome != Refused {
			c.Records++
		}
	}
	for _, l := range o.Lives {
		c.Counted += l.Counters.Discarded() + l.Counters.RecordsLost + l.Counters.LostAtStop
	}
	c.checkRows(o)
	c.checkLetters(o)
	c.checkOrder()
	if s.Kind == Core {
		c.checkHeard()
	} else {
		c.checkKept()
	}
	c.checkBooks()
	return c.Verdict
}

// checkRows looks for rows that should not be there.
func (c *check) checkRows(o Observed) {
	var invented, refused, poison, cut []Key
	for _, row := range o.Rows {
		k := Key{row.Part, row.Seq}
		c.rows[k]++
		r, known := c.history[k]
		switch {
		case !known:
			invented = append(invented, k)
		case r.Outcome == Refused:
			refused = append(refused, k)
		case r.Poison:
			poison = append(poison, k)
		case r.Size != row.Size:
			cut = append(cut, k)
		}
	}
	for what, keys := range map[string][]Key{
		"rows that nobody published": invented, "rows of records that were refused": refused,
		"rows of records that do not fit the table": poison, "rows of another size than was published": cut,
	} {
		if len(keys) > 0 {
			c.problem("%d %s:%s", len(keys), what, examples(keys))
		}
	}
	if o.Torn > 0 {
		c.problem("%d rows hold other bytes than were published", o.Torn)
	}
	c.Stored = int64(len(c.rows))
	c.Duplicated = int64(len(o.Rows)) - c.Stored
	if again := c.twice(c.rows, repeats); len(again) > 0 {
		c.problem("%d records are stored twice:%s", len(again), examples(again))
	}
}

// twice are the records that are there more than once and may not be.
func (c *check) twice(counts map[Key]int, may func(Source, Record, []Event) bool) (keys []Key) {
	for k, n := range counts {
		if n > 1 && !may(c.source, c.history[k], c.events) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, Key.compare)
	return keys
}

// checkLetters looks for dead letters that should not be there.
func (c *check) checkLetters(o Observed) {
	var healthy, broken []Key
	for _, l := range o.Letters {
		k := Key{l.Part, l.Seq}
		c.letters[k]++
		if r, known := c.history[k]; !known || !r.Poison || r.Outcome == Refused {
			healthy = append(healthy, k)
		}
		if !l.Whole {
			broken = append(broken, k)
		}
	}
	if len(healthy) > 0 {
		c.problem("%d dead letters of records that fit, or that nobody published:%s", len(healthy), examples(healthy))
	}
	if len(broken) > 0 {
		c.problem("%d dead letters hold other bytes than were published:%s", len(broken), examples(broken))
	}
	c.DeadLettered = int64(len(c.letters))
	if again := c.twice(c.letters, repeatsLetters); len(again) > 0 {
		c.problem("%d records are dead letters twice:%s", len(again), examples(again))
	}
}

// checkOrder counts records that were stored, for the first time, behind a later
// one of their part.
func (c *check) checkOrder() {
	last, seen := map[int]int64{}, map[Key]bool{}
	var late []Key
	for _, row := range c.order {
		k := Key{row.Part, row.Seq}
		if seen[k] {
			continue
		}
		seen[k] = true
		if row.Seq < last[row.Part] {
			late = append(late, k)
			continue
		}
		last[row.Part] = row.Seq
	}
	c.Reordered = int64(len(late))
	if len(late) > 0 && ordered(c.source, c.events) {
		c.problem("%d records were stored behind a later one of their part:%s", len(late), examples(late))
	}
}

// absent are the records that a server has, and neither the table nor the dead letters.
func (c *check) absent() (keys []Key) {
	for k, r := range c.history {
		if r.Outcome == Acked && c.rows[k] == 0 && c.letters[k] == 0 {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, Key.compare)
	return keys
}
