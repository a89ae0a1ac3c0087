package status

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Health is the body of GET /health. Its words are an interface: keys may be
// added, none renamed.
type Health struct {
	Service string `json:"service"`
	Status  string `json:"status"` // healthy or unhealthy
	// State is what the page says: that of Status, or paused where that is healthy and any
	// input of any stream is paused, by the buffer or by an operator.
	State   string  `json:"state"`
	Metrics Metrics `json:"metrics"`
	// Reasons says in words why the status is unhealthy; empty when healthy.
	Reasons []string                `json:"reasons"`
	Inputs  map[string]InputHealth  `json:"inputs"`
	Outputs map[string]OutputHealth `json:"outputs"`
	// Overrides are the settings that an operator has changed while the streams run.
	Overrides []Override `json:"overrides"`
	// Alerts is what became of alerts, of all streams together; nil where none are asked
	// for.
	Alerts *Alerts `json:"alerts,omitempty"`
	// LostAtStop is what stops have cost the process since it started: of all its
	// streams and inputs, those that are gone, or were replaced, included.
	LostAtStop int64 `json:"lost_at_stop"`

	held    int     // reasons that are pauses; of one stream they come first
	lasting []Pause // oldest first, of each stream
}

// Metrics are the figures of Health, summed over the streams of the listener.
type Metrics struct {
	Ticks        int64        `json:"ticks"`
	Candles      int64        `json:"ch_candles"`
	External     int64        `json:"external"`
	NATSMessages int64        `json:"nats_msgs"`
	CHBuffer     int64        `json:"ch_buffer"`
	RetryQueue   int64        `json:"retry_queue_size"`
	Backpressure Backpressure `json:"backpressure"`
}

// Backpressure is the state of the gate in Health.
type Backpressure struct {
	Active bool `json:"active"`
	// Enabled is false while the emergency switch of any stream keeps it from pausing.
	Enabled         bool  `json:"enabled"`
	NATSPaused      bool  `json:"nats_paused"`
	KafkaPaused     bool  `json:"kafka_paused"`
	CurrentBuffer   int64 `json:"current_buffer"`
	PauseThreshold  int64 `json:"pause_threshold"`
	ResumeThreshold int64 `json:"resume_threshold"`
	YieldThreshold  int64 `json:"yield_threshold"`
	MaxBufferSize   int64 `json:"max_buffer_size"`
	CurrentBytes    int64 `json:"current_bytes"`
	MaxBytes        int64 `json:"max_bytes"`
	// Oldest is how long the oldest record of the level has been held; null when there is
	// none.
	Oldest     *Age  `json:"oldest_seconds"`
	PauseCount int64 `json:"pause_count"`
	LastPause  *Time `json:"last_pause"`
	LastResume *Time `json:"last_resume"`
}

// InputHealth are the figures of one input.
type InputHealth struct {
	Kind      Kind `json:"kind"`
	Connected bool `json:"connected"`
	Paused    bool `json:"paused"`
	// PausedBy tells who holds the input; empty when nobody does.
	PausedBy []Holder `json:"paused_by"`
	// Yielding tells that the input waits for room below the yield threshold, or did a
	// moment ago; YieldedSeconds is for how long in all.
	Yielding       bool  `json:"yielding"`
	YieldedSeconds Age   `json:"yielded_seconds"`
	Received       int64 `json:"received"`
	Accepted       int64 `json:"accepted"`
	Dropped        int64 `json:"dropped"`
	Conflated      int64 `json:"conflated"`
	SlowConsumer   int64 `json:"slow_consumer"`
	// RecordsLost is what the source discarded before it was delivered.
	RecordsLost int64 `json:"records_lost"`
	// LostAtStop is what was lost because the input or the stream was stopped.
	LostAtStop int64 `json:"lost_at_stop"`
	Buffered   int64 `json:"buffered"`
	// Lag is what the source holds and is not settled yet; null where it is not known.
	Lag *int64 `json:"lag"`
	// Partitions is how many are assigned to the input; null for kinds that have none.
	Partitions *int64 `json:"partitions"`
	// Group is the state of the member in its consumer group: joining, member or
	// rebalancing.
	Group string `json:"group,omitempty"`
}

// Holder is one reason why an input is paused now.
type Holder struct {
	Reason string `json:"reason"` // backpressure or operator
	Since  Time   `json:"since"`
}

// holders tells who holds an input. A buffer pauses it when it connects; an
// operator's hold is there before.
func (b Buffer) holders(in *Input) []Holder {
	holders := []Holder{}
	if b.Active && in.Paused() {
		holders = append(holders, Holder{"backpressure", Time(b.LastPause)})
	}
	if since, ok := b.Held[in.Label]; ok {
		holders = append(holders, Holder{"operator", Time(since)})
	}
	return holders
}

// OutputHealth are the figures of one output: of all its tables, and of each.
type OutputHealth struct {
	Connected bool `json:"connected"`
	TableHealth
	// DeadLettersWaiting is rows that wait for the dead-letter output to take them.
	DeadLettersWaiting int64 `json:"dead_letters_waiting"`
	// ParkedRows is rows that are kept since too many were bad before an insert: a
	// processor has failed at them, or their table cannot be told.
	ParkedRows int64                  `json:"parked_rows"`
	Tables     map[string]TableHealth `json:"tables"`
}

// TableHealth are the figures of one table.
type TableHealth struct {
	Rows        int64 `json:"rows"`
	Batches     int64 `json:"batches"`
	Retries     int64 `json:"retries"`
	RetryQueue  int64 `json:"retry_queue_size"`
	RetryOldest *Age  `json:"retry_oldest_seconds"`
	// RetryRows is how many rows of the table the retry queue has, and HeldRows how many
	// that are settled wait with them to be acknowledged, for they came in one batch.
	RetryRows int64 `json:"retry_rows"`
	HeldRows  int64 `json:"held_rows"`
	// RetryAttempts is how often the batch was tried that waits longest.
	RetryAttempts int   `json:"retry_attempts"`
	DeadLetters   int64 `json:"dead_letters"`
	Deduplicated  int64 `json:"deduplicated"`
	Unmatched     int64 `json:"unmatched"`
	// ProcessorErrors is records that a processor had failed at.
	ProcessorErrors int64  `json:"processor_errors"`
	Error           string `json:"error,omitempty"`
	// InsertOldest is how long the server has had an insert that it has not answered.
	InsertOldest *Age `json:"insert_oldest_seconds"`
	// Insert is how long the inserts took on average that have succeeded within the last
	// five seconds; null where none has.
	Insert *Age `json:"insert_seconds"`
}

// Age marshals as seconds with three decimals.
type Age time.Duration

// String formats the age as MarshalJSON does.
func (a Age) String() string { return strconv.FormatFloat(time.Duration(a).Seconds(), 'f', 3, 64) }

// MarshalJSON implements json.Marshaler.
func (a Age) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// Time marshals as ISO 8601 in UTC with microseconds.
type Time time.Time

// MarshalText implements encoding.TextMarshaler.
func (t Time) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, "2006-01-02T15:04:05.000000Z"), nil
}

// String formats the time as MarshalText does; nil is never.
func (t *Time) String() string {
	if t == nil {
		return "never"
	}
	text, _ := t.MarshalText()
	return string(text)
}

// older keeps the larger of two ages; nil is none.
func older(have *Age, age Age) *Age {
	if have != nil && *have >= age {
		return have
	}
	return &age
}

// latest keeps the later of two times; zero means never.
func latest(have *Time, t time.Time) *Time {
	if t.IsZero() || (have != nil && !t.After(time.Time(*have))) {
		return have
	}
	return (*Time)(&t)
}

// HealthOf reports on the streams of the given boards as one service.
func HealthOf(boards ...*Board) Health {
	h := Health{
		Service: "data-bridge",
		Reasons: []string{},
		Inputs:  map[string]InputHealth{},
		Outputs: map[string]OutputHealth{},

		Overrides: []Override{},
	}
	h.Metrics.Backpressure.Enabled = true
	now := time.Now()
	for _, b := range boards {
		h.LostAtStop = max(h.LostAtStop, b.stops.Load()) // it is one count, of the process
		h.lasting = append(h.lasting, b.pauses.lasting()...)
		f := b.Figures()
		h.addBuffer(f, now)
		for _, in := range f.Inputs {
			h.addInput(f, in, now)
		}
		for _, out := range f.Outputs {
			h.addOutput(f, out, now)
		}
	}
	h.Status, h.State = StateHealthy, StateHealthy
	switch {
	case len(h.Reasons) > 0:
		h.Status, h.State = StateUnhealthy, StateUnhealthy
	case len(h.lasting) > 0 || h.Metrics.Backpressure.Active:
		h.State = StatePaused
	}
	return h
}

func (h *Health) addBuffer(f Figures, now time.Time) {
	p, b := &h.Metrics.Backpressure, f.Buffer
	p.Active = p.Active || b.Active
	p.Enabled = p.Enabled && !b.PausingOff
	for _, o := range b.Overrides {
		o.Stream = f.Stream
		h.Overrides = append(h.Overrides, o)
	}
	p.CurrentBuffer += b.Level
	p.PauseThreshold += b.PauseThreshold
	p.ResumeThreshold += b.ResumeThreshold
	p.YieldThreshold += b.YieldThreshold
	p.MaxBufferSize += b.MaxSize
	p.CurrentBytes += b.Bytes
	p.MaxBytes += b.MaxBytes
	if !b.OldestSince.IsZero() {
		p.Oldest = older(p.Oldest, Age(b.oldestAge(now)))
	}
	p.PauseCount += b.PauseCount
	p.LastPause = latest(p.LastPause, b.LastPause)
	p.LastResume = latest(p.LastResume, b.LastResume)
	h.addAlerts(b.Alerts)
	for _, g := range b.Groups {
		if g.Name == b.Feeds.CHBuffer {
			h.Metrics.CHBuffer += g.Level(f.Inputs)
		}
	}
	if held, tooLong := b.PausedTooLong(now); tooLong {
		what := "backpressure active"
		if !b.Active {
			what = "buffer full"
		}
		h.held++
		h.unhealthy("%s%s for %s, longer than alert_after (%s): ClickHouse write bottleneck",
			f.prefix(), what, held.Round(time.Second), b.AlertAfter)
	}
}

// addAlerts sums up alerts. One that is not delivered makes no stream unhealthy.
func (h *Health) addAlerts(a *Alerts) {
	if a == nil {
		return
	}
	if h.Alerts == nil {
		h.Alerts = &Alerts{}
	}
	h.Alerts.Sent += a.Sent
	h.Alerts.Lost += a.Lost
	h.Alerts.Waiting += a.Waiting
	if a.Error != "" {
		h.Alerts.Error = a.Error
	}
}

func (h *Health) addInput(f Figures, in *Input, now time.Time) {
	received := in.Received.Load()
	h.Metrics.feed(f.Buffer.Feeds, in.Label, received)
	p := &h.Metrics.Backpressure
	switch in.Kind {
	case KindNATS, KindJetStream:
		h.Metrics.NATSMessages += received
		p.NATSPaused = p.NATSPaused || in.Paused()
	case KindKafka:
		p.KafkaPaused = p.KafkaPaused || in.Paused()
	}
	h.checkJoin(f, in, now)
	h.Inputs[f.prefix()+in.Label] = InputHealth{
		Kind:      in.Kind,
		Connected: h.checkLink(f, "input", in.Label, &in.Link, now),
		Paused:    in.Paused(),
		PausedBy:  f.Buffer.holders(in),

		Yielding:       in.Yielding(),
		YieldedSeconds: Age(in.Yielded()),

		Received:     received,
		Accepted:     in.Accepted.Load(),
		Dropped:      in.Dropped.Load(),
		Conflated:    in.Conflated.Load(),
		SlowConsumer: in.SlowConsumer.Load(),
		RecordsLost:  in.Lost.Load(),
		LostAtStop:   in.LostAtStop.Load(),
		Buffered:     in.Level.Load(),
		Lag:          in.Lag(),
		Partitions:   in.Share().partitions(),
		Group:        in.Share().group(),
	}
}

// feed adds what an input received to the figures that its label feeds.
func (m *Metrics) feed(feeds Feeds, label string, received int64) {
	for figure, labels := range map[*int64][]string{&m.Ticks: feeds.Ticks, &m.Candles: feeds.Candles, &m.External: feeds.External} {
		if slices.Contains(labels, label) {
			*figure += received
		}
	}
}

func (h *Health) addOutput(f Figures, out *Output, now time.Time) {
	o := OutputHealth{
		Connected: h.checkLink(f, "output", out.Label, &out.Link, now),
		Tables:    map[string]TableHealth{},
	}
	for _, t := range out.Tables() {
		th := t.health(now)
		o.Tables[t.Name] = th
		o.add(th)
		if age := th.InsertOldest; age != nil && time.Duration(*age) > f.Buffer.LinkGrace {
			h.unhealthy("%soutput %q: ClickHouse has not answered an insert into table %q for %s", f.prefix(), out.Label, t.Name, time.Duration(*age).Round(time.Second))
		}
		if q := t.Queue(); q.Stuck {
			h.unhealthy("%soutput %q: table %q waits for somebody to act: %s%s", f.prefix(), out.Label, t.Name, q.Err, t.waiting(now))
		}
	}
	o.Insert = out.latency.Load()
	o.DeadLetters += out.Unrouted.Load()
	o.ProcessorErrors += out.UnroutedErrors.Load()
	o.DeadLettersWaiting = h.checkLetters(f, out, now)
	rows, since, why := out.Parked()
	if o.ParkedRows = rows; rows > 0 && why != nil {
		h.unhealthy("%soutput %q: %d rows are kept for somebody to act, for %s: %s", f.prefix(), out.Label, rows, now.Sub(since).Round(time.Second), why)
	}
	h.Metrics.RetryQueue += o.RetryQueue
	h.Outputs[f.prefix()+out.Label] = o
}

// checkLetters counts the rows that wait for the dead-letter output, and notes a
// reason when they have for longer than the stream's grace.
func (h *Health) checkLetters(f Figures, out *Output, now time.Time) int64 {
	rows, since, err := out.WaitingLetters()
	if waited := now.Sub(since); rows > 0 && waited > f.Buffer.LinkGrace {
		why := ""
		if err != nil {
			why = ": " + word(err.Error())
		}
		h.unhealthy("%soutput %q: dead_letter has not taken %d rows for %s%s", f.prefix(), out.Label, rows, waited.Round(time.Second), why)
	}
	return rows
}

// waiting says how much waits for the table, and for how long.
func (t *Table) waiting(now time.Time) string {
	q, held := t.Queue(), t.Held.Load()
	switch {
	case q.Rows == 0:
		return ""
	case held == 0:
		return fmt.Sprintf(" (%d rows, for %s)", q.Rows, now.Sub(q.Since).Round(time.Second))
	}
	return fmt.Sprintf(" (%d rows, for %s; %d settled rows that came with them are held)", q.Rows, now.Sub(q.Since).Round(time.Second), held)
}

func (t *Table) health(now time.Time) TableHealth {
	th := TableHealth{
		Rows:        t.Rows.Load(),
		Batches:     t.Batches.Load(),
		Retries:     t.Retries.Load(),
		DeadLetters: t.DeadLetters.Load(),

		Deduplicated: t.Deduplicated.Load(),
		Unmatched:    t.Unmatched.Load(),

		ProcessorErrors: t.ProcessorErrors.Load(),
		HeldRows:        t.Held.Load(),
		Insert:          t.InsertLatency(),
	}
	if since := t.InsertSince(); !since.IsZero() {
		age := Age(now.Sub(since))
		th.InsertOldest = &age
	}
	if q := t.Queue(); q.Batches > 0 {
		age := Age(now.Sub(q.Since))
		th.RetryQueue, th.RetryRows, th.RetryOldest, th.RetryAttempts, th.Error = q.Batches, q.Rows, &age, q.Attempts, q.Err
	}
	return th
}

// add adds a table's figures to those of its output: the oldest batch is that
// of all tables.
func (o *OutputHealth) add(t TableHealth) {
	o.Rows += t.Rows
	o.Batches += t.Batches
	o.Retries += t.Retries
	o.RetryQueue += t.RetryQueue
	o.DeadLetters += t.DeadLetters
	o.Deduplicated += t.Deduplicated
	o.Unmatched += t.Unmatched
	o.ProcessorErrors += t.ProcessorErrors
	o.RetryRows += t.RetryRows
	o.HeldRows += t.HeldRows
	if t.InsertOldest != nil {
		o.InsertOldest = older(o.InsertOldest, *t.InsertOldest)
	}
	if t.RetryOldest != nil && (o.RetryOldest == nil || *t.RetryOldest > *o.RetryOldest) {
		o.RetryOldest, o.RetryAttempts, o.Error = t.RetryOldest, t.RetryAttempts, t.Error
	}
}

// checkLink reports whether the link is up, and notes a reason when it has been
// down for longer than the stream's grace. That is for outages: what has never been
// connected, and knows why, may be configured wrongly, and has no grace.
func (h *Health) checkLink(f Figures, what, label string, l *Link, now time.Time) bool {
	s := l.State()
	down, never := now.Sub(s.Since), !s.Ever && s.Err != nil
	switch why := ""; {
	case s.Connected || s.Closed:
	case never:
		h.unhealthy("%s%s %q has not been connected yet, for %s: %v", f.prefix(), what, label, down.Round(time.Second), s.Err)
	case down > f.Buffer.LinkGrace:
		if s.Err != nil {
			why = ": " + s.Err.Error()
		}
		h.unhealthy("%s%s %q disconnected for %s%s", f.prefix(), what, label, down.Round(time.Second), why)
	}
	return s.Connected
}

func (h *Health) unhealthy(format string, args ...any) {
	h.Reasons = append(h.Reasons, fmt.Sprintf(format, args...))
}

// prefix tells streams apart where a process runs several.
func (f Figures) prefix() string {
	if f.Stream == "" {
		return ""
	}
	return f.Stream + "."
}
