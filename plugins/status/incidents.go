package status

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// mostIncidents bounds how many incidents a board remembers.
	mostIncidents = 100
	// mostWords bounds the message of an incident, in bytes.
	mostWords = 200
	// sameIncident is how soon what happens again counts as the same.
	sameIncident = 10 * time.Minute
)

// The classes of incident that are not classes of failed inserts.
const (
	// ClassDisconnected is a link that went down.
	ClassDisconnected = "disconnected"
	// ClassDeadLetter is rows that were handed to the dead-letter output.
	ClassDeadLetter = "dead letter"
	// ClassDeadLetterOutput is the dead-letter output that does not take rows,
	// which wait for it.
	ClassDeadLetterOutput = "dead letter output"
	// ClassRejected is rows that were handed back to the buffer.
	ClassRejected = "rejected"
	// ClassStalled is a source that is reached and delivers nothing.
	ClassStalled = "stalled"
	// ClassGivenUp is records that an input gave up: they are not stored.
	ClassGivenUp = "given up"
	// ClassLost is records that a source deleted before they were read.
	ClassLost = "lost"
	// ClassReset is a source whose positions no longer mean what they did.
	ClassReset = "reset"
)

// Incident is a fault in words, for people. It never holds a record's content.
type Incident struct {
	// ID grows with every change of any incident of the board.
	ID int64 `json:"id"`
	// Key is the ID that it had first.
	Key int64 `json:"key"`
	// Component is what it happened to: "input ticks", "output clickhouse".
	Component string `json:"component"`
	Table     string `json:"table,omitempty"`
	Column    string `json:"column,omitempty"`
	Class     string `json:"class"`
	Message   string `json:"message"`
	// Count is how often it happened, in rows where it happened to rows.
	Count int64 `json:"count"`
	First Time  `json:"first"`
	Last  Time  `json:"last"`
}

// userInfo is the part of an address that may hold a password.
var userInfo = regexp.MustCompile(`://[^/@\s]+@`)

// word makes a message fit to be shown: on one line, without what an address
// may say of passwords, and bounded.
func word(message string) string {
	message = userInfo.ReplaceAllString(strings.Join(strings.Fields(message), " "), "://***@")
	if len(message) <= mostWords {
		return message
	}
	cut := mostWords - len("…")
	for cut > 0 && !utf8.RuneStart(message[cut]) {
		cut--
	}
	return message[:cut] + "…"
}

// resembles reports whether two incidents differ in numbers only, such as the
// port of a connection.
func (i *Incident) resembles(other *Incident) bool {
	return i.Component == other.Component && i.Table == other.Table && i.Column == other.Column &&
		i.Class == other.Class && withoutDigits(i.Message) == withoutDigits(other.Message)
}

func withoutDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, s)
}

// incidents are the last incidents of a board. The zero value is empty and
// ready for use; it is safe for concurrent use.
type incidents struct {
	mu   sync.Mutex
	list []Incident // by the time of their last, the latest at the end
	last int64      // ID given
}

// add notes an incident, or that one happened again. Count is how often; 0 is
// nothing to note.
func (l *incidents) add(i Incident) {
	if i.Count == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.last++
	i.ID, i.Key, i.Message, i.First, i.Last = l.last, l.last, word(i.Message), Time(now), Time(now)
	at := slices.IndexFunc(l.list, func(old Incident) bool {
		return old.resembles(&i) && now.Sub(time.Time(old.Last)) < sameIncident
	})
	switch {
	case at >= 0:
		i.Key, i.First = l.list[at].Key, l.list[at].First
		i.Count += l.list[at].Count
	case len(l.list) < mostIncidents:
		l.list = append(l.list, i)
		return
	default:
		at = 0
	}
	copy(l.list[at:], l.list[at+1:])
	l.list[len(l.list)-1] = i
}

// since returns the incidents that have changed after the one of that ID, the
// latest last.
func (l *incidents) since(id int64) []Incident {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed := []Incident{}
	for _, i := range l.list {
		if i.ID > id {
			changed = append(changed, i)
		}
	}
	return changed
}

// watch makes a link tell when it goes down.
func (l *incidents) watch(link *Link, component string) {
	link.lost = func(err error) {
		l.add(Incident{Component: component, Class: ClassDisconnected, Message: err.Error(), Count: 1})
	}
}

// Report notes a fault of the output's. Its component is set to the output, its
// message is shortened to some 200 bytes and must not hold content of records.
func (o *Output) Report(i Incident) {
	i.Component = "output " + o.Label
	o.incidents.add(i)
}

// Report notes a fault of the input's, as Output.Report does one of the output's.
// An input that is on no board reports to nobody.
func (in *Input) Report(i Incident) {
	if in.incidents == nil {
		return
	}
	i.Component = "input " + in.Label
	in.incidents.add(i)
}

// Incidents returns the last incidents of the stream, the latest last: links
// that went down, inserts that failed, rows that were not stored. What happens
// again soon, but for numbers in its message, is counted and not listed twice.
func (b *Board) Incidents() []Incident { return b.incidents.since(0) }
