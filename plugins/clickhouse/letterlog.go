package clickhouse

import (
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

const (
	// lettersEvery is how often dead letters of one kind are logged again.
	lettersEvery = 5 * time.Minute
	// mostLetterKinds is how many kinds are told apart: names of tables and of
	// unknown fields are made of data.
	mostLetterKinds = 100
)

// letterLog logs that rows have become dead letters: the first of each kind, by table,
// column and reason, at once, and more of them now and then with a count. What a record
// holds is for the dead letter alone. It is safe for concurrent use.
type letterLog struct {
	log *service.Logger
	to  string // the kind of output that they go to

	mu    sync.Mutex
	kinds map[status.Incident]*letterKind
}

// letterKind is what is known of one kind of dead letters.
type letterKind struct {
	told time.Time // zero when never
	rows int64     // since then
}

// others stands for the kinds that there is no room for.
var others = status.Incident{Message: "other reasons"}

// tell logs rows that the dead-letter output has taken, counted by what is wrong with
// them.
func (l *letterLog) tell(counts map[status.Incident]int64) {
	for i, n := range counts {
		kind, rows, again, tell := l.note(i, n, time.Now())
		if !tell {
			continue
		}
		where, what := "", kind.Message
		if kind.Table != "" {
			where = fmt.Sprintf(" for table %q", kind.Table)
		}
		if kind.Column != "" {
			what = fmt.Sprintf("%q: %s", kind.Column, kind.Message)
		}
		more := "rows"
		if rows == 1 {
			more = "row"
		}
		if again {
			more = "more " + more
		}
		l.log.With("table", kind.Table, "column", kind.Column, "error", kind.Message, "dead_letter", l.to, "rows", rows).
			Warnf("%d %s%s cannot be stored, %s: %s", rows, more, where, l.went(), what)
	}
}

// went says where rows are now.
func (l *letterLog) went() string {
	if l.to == "drop" {
		return "discarded (" + fieldDeadLetter + ": drop)"
	}
	return "sent to " + fieldDeadLetter + " (" + l.to + "), which has the reason as metadata"
}

// note counts rows and reports whether to log them now, under which kind, how many there
// are since that was done last, and whether it ever was.
func (l *letterLog) note(i status.Incident, rows int64, now time.Time) (kind status.Incident, all int64, again, tell bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kinds == nil {
		l.kinds = map[status.Incident]*letterKind{}
	}
	if l.kinds[i] == nil && len(l.kinds) >= mostLetterKinds {
		maps.DeleteFunc(l.kinds, func(_ status.Incident, k *letterKind) bool { return k.rows == 0 && now.Sub(k.told) >= lettersEvery })
	}
	if l.kinds[i] == nil && len(l.kinds) >= mostLetterKinds {
		i = others
	}
	k := l.kinds[i]
	if k == nil {
		k = &letterKind{}
		l.kinds[i] = k
	}
	k.rows += rows
	again = !k.told.IsZero()
	if again && now.Sub(k.told) < lettersEvery {
		return i, 0, again, false
	}
	all, k.rows, k.told = k.rows, 0, now
	return i, all, again, true
}
