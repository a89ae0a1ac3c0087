package backpressure

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// The events that alerts tell of.
const (
	eventPaused      = "paused"
	eventResumed     = "resumed"
	eventDeadLetters = "dead_letters"
	eventUnhealthy   = "unhealthy"
	eventHealthy     = "healthy"
)

// steadyFor is how long a stream has to be unhealthy, or healthy again, to be told of.
const steadyFor = 5 * time.Second

// alert is the message that the output gets. Its words are an interface: keys may be
// added, none renamed.
type alert struct {
	Event  string      `json:"event"`
	Time   status.Time `json:"time"`
	Host   string      `json:"host"`
	Stream string      `json:"stream"`
	// Text is the alert in one line, for people.
	Text string `json:"text"`

	CurrentBuffer int64 `json:"current_buffer"`
	MaxBufferSize int64 `json:"max_buffer_size"`
	CurrentBytes  int64 `json:"current_bytes"`
	// Duration is how long what the event is about has lasted, in seconds.
	Duration status.Age `json:"duration_seconds"`

	// Reason is why a stream is paused: level, bytes, or full where nothing pauses.
	Reason string `json:"reason,omitempty"`
	// Cause is what the output complained of last; empty when it does not.
	Cause string `json:"cause,omitempty"`
	// Reasons are what makes the stream unhealthy.
	Reasons []string `json:"reasons,omitempty"`
	// DeadLetters is how many rows have become dead letters since the last alert about
	// them, Tables how many of each table, and DeadLettersTotal since the start.
	DeadLetters      int64            `json:"dead_letters,omitempty"`
	DeadLettersTotal int64            `json:"dead_letters_total,omitempty"`
	Tables           map[string]int64 `json:"tables,omitempty"`
	// Dropped is what inputs discarded during the pause.
	Dropped int64 `json:"dropped,omitempty"`
}

// watch looks for what alerts tell of. It is used by one goroutine at a time.
type watch struct {
	*buffer
	host     string
	interval time.Duration

	heldSince time.Time // of the pause that was told of; zero when none was
	heldTold  time.Time // when one was
	reason    string

	letters     map[string]int64 // by table, those that were told of
	lettersTold time.Time

	ill     bool // it was told that the stream is unhealthy
	illTold time.Time
	turned  time.Time // since when it is not as it was told; zero when it is
}

func newWatch(b *buffer) *watch {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	w := &watch{buffer: b, host: host, interval: b.conf.alertInterval}
	w.letters, _ = w.countLetters()
	return w
}

// look is to be called once a second.
func (w *watch) look(now time.Time) {
	f := w.figures()
	w.lookAtPause(f, now)
	w.lookAtLetters(now, false)
	w.lookAtHealth(now)
}

// end tells of what there is to tell when the stream ends.
func (w *watch) end(now time.Time) {
	w.lookAtPause(w.figures(), now)
	w.lookAtLetters(now, true)
}

// due reports whether an event may be told of again.
func (w *watch) due(told, now time.Time) bool { return told.IsZero() || now.Sub(told) >= w.interval }

func (w *watch) lookAtPause(f status.Buffer, now time.Time) {
	since := f.HeldSince()
	if !w.heldSince.IsZero() && !since.Equal(w.heldSince) {
		w.tellResumed(f, now)
	}
	held, tooLong := f.PausedTooLong(now)
	if !tooLong || !w.heldSince.IsZero() || !w.due(w.heldTold, now) {
		return
	}
	w.heldSince, w.heldTold, w.reason = since, now, "full"
	what := "the buffer has been full"
	if f.Active {
		w.reason, what = w.buffer.reason(), "paused"
	}
	a := w.alert(eventPaused, now, held)
	a.Reason, a.Cause = w.reason, brief(w.cause())
	a.Text = fmt.Sprintf("🔴 %s: %s for %s, ClickHouse write bottleneck. Buffer %s.%s", w.name(), what, lasting(held), w.filled(), because(a.Cause))
	w.alerts.send(a)
}

func (w *watch) tellResumed(f status.Buffer, now time.Time) {
	held := now.Sub(w.heldSince)
	if f.LastResume.After(w.heldSince) {
		held = f.LastResume.Sub(w.heldSince)
	}
	a := w.alert(eventResumed, now, held)
	a.Reason, a.Dropped = w.reason, w.droppedSince(w.heldSince)
	words := "resumed"
	if w.stopping() {
		words = "stopped"
	}
	lost := ""
	if a.Dropped > 0 {
		lost = fmt.Sprintf(" %s records were dropped meanwhile.", thousands(a.Dropped))
	}
	a.Text = fmt.Sprintf("✅ %s: %s after %s. Buffer %s.%s", w.name(), words, lasting(held), w.filled(), lost)
	w.heldSince = time.Time{}
	w.alerts.send(a)
}

// droppedSince sums up what pauses that began then or later made inputs discard.
func (w *watch) droppedSince(since time.Time) (n int64) {
	pauses, _ := w.board.Pauses()
	for _, p := range pauses {
		if !p.Start.Before(since.Add(-time.Second)) { // the history notes it a moment apart
			for _, dropped := range p.Dropped {
				n += dropped
			}
		}
	}
	return n
}

// countLetters counts the dead letters of each table, "" for those of none.
func (w *watch) countLetters() (byTable map[string]int64, total int64) {
	byTable = map[string]int64{}
	for _, out := range w.board.Figures().Outputs {
		byTable[""] += out.Unrouted.Load()
		for _, t := range out.Tables() {
			byTable[t.Name] += t.DeadLetters.Load()
		}
	}
	for _, n := range byTable {
		total += n
	}
	return byTable, total
}

func (w *watch) lookAtLetters(now time.Time, last bool) {
	byTable, total := w.countLetters()
	fresh := map[string]int64{}
	var sum int64
	for table, n := range byTable {
		if more := n - w.letters[table]; more > 0 {
			fresh[table] = more
			sum += more
		}
	}
	if sum == 0 || (!last && !w.due(w.lettersTold, now)) {
		return
	}
	var lasted time.Duration
	if !w.lettersTold.IsZero() {
		lasted = now.Sub(w.lettersTold)
	}
	w.letters, w.lettersTold = byTable, now
	a := w.alert(eventDeadLetters, now, lasted)
	a.DeadLetters, a.DeadLettersTotal, a.Tables = sum, total, mostOf(fresh)
	a.Cause = brief(w.lastIncident(status.ClassDeadLetter))
	rows := "rows"
	if sum == 1 {
		rows = "row"
	}
	a.Text = fmt.Sprintf("⚠️ %s: %s more %s became dead letters (%s).%s", w.name(), thousands(sum), rows, listed(a.Tables), because(a.Cause))
	w.alerts.send(a)
}

// lastIncident words the latest incident of a class.
func (w *watch) lastIncident(class string) string {
	all := w.board.Incidents()
	for _, i := range slices.Backward(all) {
		if i.Class == class {
			if i.Column != "" {
				return i.Column + ": " + i.Message
			}
			return i.Message
		}
	}
	return ""
}

func (w *watch) lookAtHealth(now time.Time) {
	faults := w.board.Faults()
	ill := len(faults) > 0
	switch {
	case ill == w.ill:
		w.turned = time.Time{}
		return
	case w.turned.IsZero():
		w.turned = now
	}
	if now.Sub(w.turned) < steadyFor || (ill && !w.due(w.illTold, now)) {
		return
	}
	began := w.turned
	w.ill, w.turned = ill, time.Time{}
	if !ill {
		a := w.alert(eventHealthy, now, began.Sub(w.illTold))
		a.Text = fmt.Sprintf("✅ %s: healthy again.", w.name())
		w.alerts.send(a)
		return
	}
	w.illTold = now
	a := w.alert(eventUnhealthy, now, now.Sub(began))
	for _, fault := range faults[:min(len(faults), mostReasons)] {
		a.Reasons = append(a.Reasons, brief(fault))
	}
	a.Text = fmt.Sprintf("🔴 %s: unhealthy. %s", w.name(), strings.Join(a.Reasons, "; "))
	w.alerts.send(a)
}

// alert has what all of them have.
func (w *watch) alert(event string, now time.Time, lasted time.Duration) alert {
	return alert{
		Event: event, Time: status.Time(now), Host: w.host, Stream: w.board.Stream(), Duration: status.Age(max(0, lasted)),
		CurrentBuffer: w.level64(), MaxBufferSize: int64(w.now().limits.Max), CurrentBytes: w.control.Bytes(),
	}
}

// name says which stream of which bridge.
func (w *watch) name() string {
	if stream := w.board.Stream(); stream != "" {
		return fmt.Sprintf("data-bridge %s on %s", stream, w.host)
	}
	return "data-bridge on " + w.host
}

// filled words the level beside its bound.
func (w *watch) filled() string {
	return thousands(w.level64()) + "/" + thousands(int64(w.now().limits.Max))
}

// lasting words a duration: in minutes with one decimal, as the critical line does, from
// one minute on.
func lasting(d time.Duration) string {
	if d < time.Minute {
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%.1f minutes", d.Minutes())
}

func because(cause string) string {
	if cause == "" {
		return ""
	}
	return " Cause: " + cause
}

// What an alert may hold of words that others made.
const (
	mostReasons = 10
	mostWords   = 300 // bytes
)

// brief makes words of others fit for people elsewhere: bounded, and without what the
// addresses in them may hold of secrets.
func brief(text string) string {
	text = withoutPaths(text)
	if len(text) <= mostWords {
		return text
	}
	return strings.ToValidUTF8(text[:mostWords], "") + "…"
}

// mostTables bounds how many tables an alert names: their names are made of data.
const mostTables = 10

// largestFirst are the names of counts in their order.
func largestFirst(counts map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
}

// mostOf keeps the largest counts, and sums the others up as "others"; "" is called
// "unknown".
func mostOf(counts map[string]int64) map[string]int64 {
	most := map[string]int64{}
	for i, name := range largestFirst(counts) {
		n := counts[name]
		switch {
		case i >= mostTables:
			name = "others"
		case name == "":
			name = "unknown"
		}
		most[name] += n
	}
	return most
}

// listed words counts, the largest first.
func listed(counts map[string]int64) string {
	var words []string
	for _, name := range largestFirst(counts) {
		words = append(words, name+": "+thousands(counts[name]))
	}
	return strings.Join(words, ", ")
}
