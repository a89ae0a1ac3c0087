//go:build synctests

package simulation

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A script is what happens in one world, in lines:
//
//	with partitions 2, order true, ...   settings, see settings
//	3s publish 0 20                      20 records into partition 0
//	3s poison 0 2                        2 that do not fit the table
//	3s toxic 0 1                         1 that the server refuses when it is to insert it
//	5s kill a                            a process ends without a word; see verbs
//	fault insert 3-5 refuse 252          the third to the fifth insert is refused, with that code
//	fault insert 10s-20s stall           those of that time are never answered
//
// A fault names a point, which calls it meets there, and what becomes of them; see points
// and acts.
type script struct {
	settings settings
	events   []event
	faults   []*fault
}

// settings are those of all processes of a world.
type settings struct {
	partitions int
	once       bool // exactly_once
	order      bool // preserve_order
	inflight   int
	count      int // records of a batch of the buffer
	most       int // max_buffer_size
	pause      int
	resume     int
	fetch      int // records of a batch of the input
	retries    int // retry.max_retries
}

func (s *settings) fields() []struct {
	name  string
	value any
} {
	return []struct {
		name  string
		value any
	}{
		{"partitions", &s.partitions},
		{"once", &s.once},
		{"order", &s.order},
		{"inflight", &s.inflight},
		{"count", &s.count},
		{"most", &s.most},
		{"pause", &s.pause},
		{"resume", &s.resume},
		{"fetch", &s.fetch},
		{"retries", &s.retries},
	}
}

func (s *settings) String() string {
	var list []string
	for _, f := range s.fields() {
		switch v := f.value.(type) {
		case *int:
			list = append(list, fmt.Sprintf("%s %d", f.name, *v))
		case *bool:
			list = append(list, fmt.Sprintf("%s %t", f.name, *v))
		}
	}
	return "with " + strings.Join(list, ", ")
}

func (s *settings) parse(text string) error {
	for item := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(item), " ")
		err := fmt.Errorf("no setting is called %q", name)
		for _, f := range s.fields() {
			if f.name != name {
				continue
			}
			switch v := f.value.(type) {
			case *int:
				*v, err = strconv.Atoi(value)
			case *bool:
				*v, err = strconv.ParseBool(value)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// The verbs of events.
const (
	verbPublish = "publish"
	verbPoison  = "poison"
	verbToxic   = "toxic"
	verbStart   = "start"
	verbStop    = "stop" // as SIGTERM does
	verbKill    = "kill"
	verbHold    = "hold" // an operator pauses the input of a process
	verbRelease = "release"
)

// event happens at a time.
type event struct {
	at      time.Duration
	verb    string
	process string // of start, stop, kill, hold, release
	part, n int    // of publish, poison, toxic
}

func (e *event) publishes() bool {
	return e.verb == verbPublish || e.verb == verbPoison || e.verb == verbToxic
}

func (e *event) String() string {
	if e.publishes() {
		return fmt.Sprintf("%s %s %d %d", e.at, e.verb, e.part, e.n)
	}
	return fmt.Sprintf("%s %s %s", e.at, e.verb, e.process)
}

// The acts of faults.
const (
	actRefuse = "refuse" // it is answered with that code, and nothing is done
	actCut    = "cut"    // the connection ends before anything is done
	actLose   = "lose"   // it is done, and the connection ends without the answer
	actStall  = "stall"  // nothing is done or answered
	actDelay  = "delay"  // it is done after so long
	actLate   = "late"   // so too, but for longer than anybody waits
)

// The points of faults: calls of the servers and of the dead-letter output.
const (
	pointInsert    = "insert"
	pointAsk       = "ask" // questions to ClickHouse
	pointDial      = "dial"
	pointLetter    = "letter"
	pointCommit    = "commit"
	pointFetch     = "fetch"
	pointHeartbeat = "heartbeat"
)

// fault says what becomes of some calls at a point.
type fault struct {
	point        string
	from, to     int           // the nth calls, from 1; 0 where it is about time
	since, until time.Duration // of the world
	act          string
	code         int
	delay        time.Duration
}

func (f *fault) meets(n int, now time.Duration) bool {
	if f.to > 0 {
		return f.from <= n && n <= f.to
	}
	return f.since <= now && now < f.until
}

func (f *fault) String() string {
	which := fmt.Sprintf("%d-%d", f.from, f.to)
	if f.to == 0 {
		which = fmt.Sprintf("%s-%s", f.since, f.until)
	}
	s := fmt.Sprintf("fault %s %s %s", f.point, which, f.act)
	switch f.act {
	case actRefuse:
		s += fmt.Sprintf(" %d", f.code)
	case actDelay, actLate:
		s += " " + f.delay.String()
	}
	return s
}

func (s *script) String() string {
	lines := []string{s.settings.String()}
	for i := range s.events {
		lines = append(lines, s.events[i].String())
	}
	for _, f := range s.faults {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// parseScript reads what String writes. Lines that begin with # are left out.
func parseScript(text string) (*script, error) {
	s := &script{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		first, rest, _ := strings.Cut(line, " ")
		var err error
		switch first {
		case "with":
			err = s.settings.parse(rest)
		case "fault":
			var f *fault
			f, err = parseFault(strings.Fields(rest))
			s.faults = append(s.faults, f)
		default:
			var e event
			e, err = parseEvent(strings.Fields(line))
			s.events = append(s.events, e)
		}
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
	}
	return s, nil
}

func parseEvent(words []string) (e event, err error) {
	if len(words) < 3 {
		return e, errors.New("an event is a time, a verb, and what it is about")
	}
	if e.at, err = time.ParseDuration(words[0]); err != nil {
		return e, err
	}
	if e.verb = words[1]; !e.publishes() {
		e.process = words[2]
		return e, nil
	}
	if len(words) < 4 {
		return e, errors.New("a partition and a number are needed")
	}
	e.part, err = strconv.Atoi(words[2])
	if err == nil {
		e.n, err = strconv.Atoi(words[3])
	}
	return e, err
}

func parseFault(words []string) (*fault, error) {
	if len(words) < 3 {
		return nil, errors.New("a fault is a point, which calls it meets, and what becomes of them")
	}
	f := &fault{point: words[0], act: words[2]}
	from, to, _ := strings.Cut(words[1], "-")
	var err error
	if f.from, err = strconv.Atoi(from); err == nil {
		f.to, err = strconv.Atoi(to)
	} else if f.since, err = time.ParseDuration(from); err == nil {
		f.until, err = time.ParseDuration(to)
	}
	if err != nil {
		return nil, err
	}
	if len(words) > 3 {
		if f.act == actRefuse {
			f.code, err = strconv.Atoi(words[3])
		} else {
			f.delay, err = time.ParseDuration(words[3])
		}
	}
	return f, err
}
