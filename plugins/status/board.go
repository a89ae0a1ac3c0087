// Package status holds what a running bridge knows about itself and serves it:
// GET /health, GET /pauses, and the live page with the events behind it. Each
// stream has one Board; its inputs, its buffer and its output write their
// figures there, with atomics, and nobody else reads or resets them.
package status

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Kind is the sort of source that an input reads.
type Kind string

// The kinds of input.
const (
	KindNATS      Kind = "nats"
	KindJetStream Kind = "jetstream"
	KindKafka     Kind = "kafka"
)

// Input holds the figures of one input, counted in records since the process
// started; they survive reconnects and reloads.
type Input struct {
	Label string
	Kind  Kind

	// Received counts what the source delivered, dropped records included.
	Received atomic.Int64
	// Dropped counts what a pause discarded by configuration, and what was queued in the
	// client when its connection, or the input, ended.
	Dropped atomic.Int64
	// Conflated counts what a newer record of its key took the place of during a pause.
	Conflated atomic.Int64
	// SlowConsumer counts what the client discarded because its own queue was full.
	SlowConsumer atomic.Int64
	// Lost counts what the source has discarded before it was delivered here, as far
	// as that is known.
	Lost atomic.Int64
	// LostAtStop counts what was lost because the stream, or the input, was stopped
	// before it was stored: see LoseAtStop.
	LostAtStop atomic.Int64
	// Accepted counts what the buffer took; it is the buffer that counts it.
	Accepted atomic.Int64
	// Level is what the buffer took and has not settled yet; the buffer's too.
	Level atomic.Int64
	// Link is the connection to the source.
	Link Link

	paused    atomic.Int64 // components
	lag       atomic.Pointer[int64]
	share     atomic.Pointer[Share]
	yields    yields
	stops     *atomic.Int64 // what stops have cost the process
	incidents *incidents    // of the board
	settings  *settings     // of the board
	export    inputExport
}

// LoseAtStop counts records that a stop has cost: those of a source that delivers
// nothing again, which the input still had, or the buffer had accepted. It counts them
// for the process too, whose count outlives the stream.
func (in *Input) LoseAtStop(records int64) {
	in.LostAtStop.Add(records)
	in.stops.Add(records)
}

// SetLag says how many records the source holds that are not settled yet.
func (in *Input) SetLag(records int64) { in.lag.Store(&records) }

// Lag returns what SetLag was last told; nil when it never was, or is not known now.
func (in *Input) Lag() *int64 { return in.lag.Load() }

// Paused reports whether a component that reports here is paused.
func (in *Input) Paused() bool { return in.paused.Load() > 0 }

type originKey struct{}

// Mark returns a context that names this input as the origin of the messages
// that carry it. One marked context serves a whole batch.
func (in *Input) Mark(ctx context.Context) context.Context {
	return context.WithValue(ctx, originKey{}, in)
}

// OriginOf returns the input that marked the context, nil if none did.
func OriginOf(ctx context.Context) *Input {
	in, _ := ctx.Value(originKey{}).(*Input)
	return in
}

// Output holds the figures of one output, since the process started. Those of
// its tables are theirs; its own are their sums.
type Output struct {
	Label string
	// Link is the connection to the server.
	Link Link
	// Unrouted counts rows handed to the dead-letter output because their table
	// could not be told.
	Unrouted atomic.Int64
	// UnroutedErrors counts those of them that a processor had failed at.
	UnroutedErrors atomic.Int64

	tables    tableList
	latency   atomic.Pointer[Age] // of the inserts into all of them, see Table.InsertLatency
	letters   waits
	repairs   waits
	incidents *incidents // of the board
	settings  *settings  // of the board
	export    exporter[outputMetrics]
}

// Buffer is what the buffer of a stream reports when asked.
type Buffer struct {
	Level           int64
	MaxSize         int64
	Bytes           int64 // what the level weighs
	MaxBytes        int64 // zero when bytes are not bounded
	PauseBytes      int64 // the thresholds in bytes
	ResumeBytes     int64
	YieldBytes      int64
	PauseThreshold  int64
	ResumeThreshold int64
	YieldThreshold  int64
	Active          bool
	PausingOff      bool // the emergency switch: nothing is paused
	PauseCount      int64
	LastPause       time.Time // zero when never
	LastResume      time.Time // zero when never
	// OldestSince is when the oldest record of the level arrived; zero when there is none.
	OldestSince time.Time
	// FullSince is since when there was no room for what came: that blocks all inputs.
	// It is zero while there is.
	FullSince time.Time
	// AlertAfter is how long a pause may last before it is unhealthy.
	AlertAfter time.Duration
	// LinkGrace is how long a link may be down before it is unhealthy.
	LinkGrace time.Duration
	// Held tells which inputs an operator pauses, by label, and since when.
	Held map[string]time.Time
	// Groups are the configured groups of input labels, in order.
	Groups []Group
	// Feeds tells what feeds the figures whose names are fixed.
	Feeds Feeds
	// Overrides are the settings that an operator has changed, and that differ from the
	// configuration.
	Overrides []Override
	// Alerts is what became of alerts; nil where none are asked for.
	Alerts *Alerts
}

// Alerts counts alerts since the stream was started.
type Alerts struct {
	Sent    int64 `json:"sent"`
	Lost    int64 `json:"lost"` // given up
	Waiting int64 `json:"waiting"`
	// Error is that of the last attempt, empty when it succeeded.
	Error string `json:"error,omitempty"`
}

// Override is a setting that is not what the configuration says.
type Override struct {
	// Stream is the id of the stream, "" outside streams mode.
	Stream  string `json:"stream"`
	Setting string `json:"setting"`
	// Configured and Current are values of one kind: a bool, records, or a duration as
	// text.
	Configured any `json:"configured"`
	Current    any `json:"current"`
	// Since is when an operator last changed any setting of the stream.
	Since Time `json:"since"`
}

// Feeds names, for each figure of Metrics whose name is fixed, the labels of the
// inputs that feed it.
type Feeds struct {
	Ticks, Candles, External []string
	// CHBuffer is the name of a group.
	CHBuffer string
}

// PausedTooLong reports whether the present pause, or the time without room where
// nothing pauses, has lasted longer than AlertAfter, and for how long the inputs have
// been held back.
func (b Buffer) PausedTooLong(now time.Time) (held time.Duration, tooLong bool) {
	if since := b.HeldSince(); !since.IsZero() {
		held = now.Sub(since)
	}
	return held, held > b.AlertAfter
}

// oldestAge is how long the oldest record has been held, 0 when there is none.
func (b Buffer) oldestAge(now time.Time) time.Duration {
	if b.OldestSince.IsZero() {
		return 0
	}
	return max(0, now.Sub(b.OldestSince))
}

// HeldSince is since when the inputs are held back, by a pause or by a buffer without
// room; zero when they are not.
func (b Buffer) HeldSince() time.Time {
	if b.Active {
		return b.LastPause
	}
	return b.FullSince
}

// Group names a set of input labels whose level is reported together.
type Group struct {
	Name   string
	Labels []string
}

// Board collects the figures of one stream. All methods are safe for
// concurrent use.
type Board struct {
	stream string
	pauses *pauseBook
	stops  *atomic.Int64 // what stops have cost the process: all boards of one share it

	mu       sync.Mutex
	inputs   []*Input
	outputs  []*Output
	buffer   func() Buffer
	once     map[any]bool // inputs that rely on deduplication
	operator Operator
	admin    Admin

	incidents incidents
	history   history
	settings  settings
}

// NewBoard returns an empty board for the stream of that id.
func NewBoard(stream string) *Board { return newBoard(stream, &atomic.Int64{}) }

func newBoard(stream string, stops *atomic.Int64) *Board {
	return &Board{stream: stream, pauses: newPauseBook(time.Now()), stops: stops}
}

// Input returns the figures of the input with that label, making them on first
// use.
func (b *Board) Input(label string, kind Kind) *Input {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.inputs, func(in *Input) bool { return in.Label == label && in.Kind == kind })
	if i >= 0 {
		return b.inputs[i]
	}
	in := &Input{Label: label, Kind: kind, stops: b.stops, incidents: &b.incidents, settings: &b.settings}
	in.Link.Down(nil)
	b.incidents.watch(&in.Link, "input "+label)
	b.inputs = append(b.inputs, in)
	return in
}

// Output returns the figures of the output with that label, making them on
// first use.
func (b *Board) Output(label string) *Output {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.outputs, func(o *Output) bool { return o.Label == label })
	if i >= 0 {
		return b.outputs[i]
	}
	out := &Output{Label: label, incidents: &b.incidents, settings: &b.settings}
	out.Link.Down(nil)
	b.incidents.watch(&out.Link, "output "+label)
	b.outputs = append(b.outputs, out)
	return out
}

// SetExactlyOnce says whether an input relies on an output that recognises repeated
// inserts. Inputs say so when they are built, so that the output knows before it
// connects, and take it back when they close: the stream that a reload makes may have
// none.
func (b *Board) SetExactlyOnce(input any, on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !on {
		delete(b.once, input)
		return
	}
	if b.once == nil {
		b.once = map[any]bool{}
	}
	b.once[input] = true
}

// ExactlyOnce reports whether any input relies on it.
func (b *Board) ExactlyOnce() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.once) > 0
}

// SetBuffer gives the board the means to ask the stream's buffer. The function
// must not block and must be safe for concurrent use.
func (b *Board) SetBuffer(report func() Buffer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buffer = report
}

// Figures is a copy of what a board knows at one moment.
type Figures struct {
	Stream  string
	Inputs  []*Input
	Outputs []*Output
	Buffer  Buffer
}

// Figures returns the board's present figures. Inputs and outputs are the live
// objects: read them by their methods.
func (b *Board) Figures() Figures {
	b.mu.Lock()
	f := Figures{Stream: b.stream, Inputs: slices.Clone(b.inputs), Outputs: slices.Clone(b.outputs)}
	report := b.buffer
	b.mu.Unlock()
	if report != nil {
		f.Buffer = report()
	}
	return f
}

// Inputs returns the inputs of the board, in the order they came.
func (b *Board) Inputs() []*Input {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.inputs)
}

// Stream is the id of the board's stream, "" outside streams mode.
func (b *Board) Stream() string { return b.stream }

// Faults are the reasons why the stream is unhealthy, but for a pause that lasts.
func (b *Board) Faults() []string {
	h := b.Health()
	return h.Reasons[h.held:]
}

// Health reports on this board's stream alone.
func (b *Board) Health() Health { return HealthOf(b) }

// Level sums the levels of those inputs that the group names.
func (g Group) Level(inputs []*Input) int64 {
	var n int64
	for _, in := range inputs {
		if slices.Contains(g.Labels, in.Label) {
			n += in.Level.Load()
		}
	}
	return n
}
