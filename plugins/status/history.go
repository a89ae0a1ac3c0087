package status

import (
	"math"
	"strconv"
	"sync"
	"time"
)

const (
	// samplePeriod is the time between two samples of the history.
	samplePeriod = 2 * time.Second
	// mostSamples is how many a board keeps, of 64 bytes each: those of the last
	// hour, in 115 kB.
	mostSamples = int(time.Hour / samplePeriod)
	// rateSpan is how many readings, of one second each, a rate goes back: what
	// arrives in batches would jump otherwise.
	rateSpan = 5
)

// sample is what a stream looked like at one moment. Rates are in records per
// second. What is not known is below zero.
type sample struct {
	at             int64 // Unix time in milliseconds
	level, bytes   int64
	kafka, streams int64 // lag, in records
	rates          sampleRates
	oldest, insert float32 // seconds
}

// sampleRates are those of a stream's inputs and outputs together.
type sampleRates struct{ received, stored, discarded float32 }

// Known is a figure that is null where it is below zero: it is not known, or there is
// nothing that it could be of.
type Known float64

// MarshalJSON implements json.Marshaler.
func (k Known) MarshalJSON() ([]byte, error) {
	if k < 0 {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(k), 'f', -1, 64), nil
}

// Samples are the samples of a stretch of time, in columns.
type Samples struct {
	Time  []float64 `json:"time"` // seconds since 1970
	Level []int64   `json:"level"`
	Bytes []int64   `json:"bytes"`
	// Received, Stored and Discarded are records per second.
	Received  []float64 `json:"received"`
	Stored    []float64 `json:"stored"`
	Discarded []float64 `json:"discarded"`
	// Oldest is for how many seconds the oldest record had been held: 0 for none.
	Oldest []float64 `json:"oldest"`
	// Insert is how many seconds the inserts of the last few seconds took on average;
	// null where none succeeded.
	Insert []Known `json:"insert"`
	// LagKafka and LagJetStream are how many records the sources of that kind held;
	// null where it was not known, or there are none.
	LagKafka     []Known `json:"lag_kafka"`
	LagJetStream []Known `json:"lag_jetstream"`
}

// Rates are records per second over the last few seconds.
type Rates struct {
	Inputs  map[string]InputRates  `json:"inputs"`
	Outputs map[string]OutputRates `json:"outputs"`
}

// InputRates are those of one input.
type InputRates struct {
	Received float64 `json:"received"`
	// Discarded is what was dropped, conflated or lost as slow consumer.
	Discarded float64 `json:"discarded"`
}

// OutputRates are the rows per second of one output and of its tables.
type OutputRates struct {
	Rows   float64            `json:"rows"`
	Tables map[string]float64 `json:"tables"`
}

// Discarded counts what the input received, did not pass on, and counted.
func (in *Input) Discarded() int64 {
	return in.Dropped.Load() + in.Conflated.Load() + in.SlowConsumer.Load()
}

// meter tells how one counter has grown, from its last readings.
type meter struct {
	readings [rateSpan]struct {
		at    time.Time
		count int64
	}
	taken int
}

// read takes a reading and returns by how much the counter has grown since the oldest
// one that is kept, and in how many seconds: 0 at the first.
func (m *meter) read(now time.Time, count int64) (by int64, seconds float64) {
	oldest := m.readings[0]
	if m.taken >= len(m.readings) {
		oldest = m.readings[m.taken%len(m.readings)]
	}
	latest := &m.readings[m.taken%len(m.readings)]
	latest.at, latest.count = now, count
	if m.taken++; m.taken == 1 {
		return 0, 0
	}
	return count - oldest.count, now.Sub(oldest.at).Seconds()
}

// meterKey names a counter.
type meterKey struct{ what, label, table string }

// history is the last hour of a stream, and its present rates. The zero value
// is empty and ready for use; it is safe for concurrent use.
type history struct {
	mu      sync.Mutex
	meters  map[meterKey]*meter
	rates   Rates
	samples []sample // a ring once it is full
	taken   int      // samples ever

	settled int64     // rows stored and dead letters, at the last reading
	moved   time.Time // when that grew last, or nothing was held; zero before the first reading
}

// move notes whether what is held becomes less.
func (h *history) move(f Figures, now time.Time) {
	var settled int64
	for _, out := range f.Outputs {
		settled += out.Rows() + out.DeadLetters()
	}
	if h.moved.IsZero() || settled != h.settled || f.Buffer.Level == 0 {
		h.moved = now
	}
	h.settled = settled
}

// stalled is for how long nothing has been settled though something is held, as far as
// it has been observed.
func (h *history) stalled(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.moved.IsZero() {
		return 0
	}
	return max(0, now.Sub(h.moved))
}

// observe reads the counters of a board; it is called once a second.
func (h *history) observe(f Figures, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.meters == nil {
		h.meters = map[meterKey]*meter{}
	}
	h.rates = Rates{Inputs: map[string]InputRates{}, Outputs: map[string]OutputRates{}}
	var all sampleRates
	for _, in := range f.Inputs {
		r := InputRates{
			Received:  h.rate(meterKey{"received", in.Label, string(in.Kind)}, now, in.Received.Load()),
			Discarded: h.rate(meterKey{"discarded", in.Label, string(in.Kind)}, now, in.Discarded()),
		}
		h.rates.Inputs[f.prefix()+in.Label] = r
		all.received += float32(r.Received)
		all.discarded += float32(r.Discarded)
	}
	h.move(f, now)
	var inserts insertTime
	for _, out := range f.Outputs {
		r, took := h.observeOutput(out, now)
		h.rates.Outputs[f.prefix()+out.Label] = r
		all.stored += float32(r.Rows)
		inserts.add(took)
	}
	h.sample(sample{
		at: now.UnixMilli(), level: f.Buffer.Level, bytes: f.Buffer.Bytes, rates: all,
		kafka: lagOf(f.Inputs, KindKafka), streams: lagOf(f.Inputs, KindJetStream),
		oldest: float32(f.Buffer.oldestAge(now).Seconds()), insert: float32(inserts.mean()),
	})
}

// observeOutput reads the counters of an output, and tells each table, and the output,
// how long their inserts took.
func (h *history) observeOutput(out *Output, now time.Time) (OutputRates, insertTime) {
	r := OutputRates{Tables: map[string]float64{}}
	var all insertTime
	for _, t := range out.Tables() {
		r.Tables[t.Name] = h.rate(meterKey{"rows", out.Label, t.Name}, now, t.Rows.Load())
		r.Rows += r.Tables[t.Name]
		var took insertTime
		took.count, _ = h.grown(meterKey{"inserts", out.Label, t.Name}, now, t.inserted.count.Load())
		took.nanoseconds, _ = h.grown(meterKey{"insert time", out.Label, t.Name}, now, t.inserted.time.Load())
		t.latency.Store(took.age())
		all.add(took)
	}
	out.latency.Store(all.age())
	return r, all
}

// insertTime is how long so many inserts took together.
type insertTime struct{ count, nanoseconds int64 }

func (t *insertTime) add(more insertTime) {
	t.count += more.count
	t.nanoseconds += more.nanoseconds
}

// mean is how many seconds one took; -1 where there was none.
func (t insertTime) mean() float64 {
	if t.count <= 0 {
		return -1
	}
	return float64(t.nanoseconds) / float64(t.count) / 1e9
}

func (t insertTime) age() *Age {
	if t.count <= 0 {
		return nil
	}
	age := Age(t.nanoseconds / t.count)
	return &age
}

// lagOf sums up the lag of the inputs of a kind that know theirs; -1 where none does.
func lagOf(inputs []*Input, kind Kind) int64 {
	sum := int64(-1)
	for _, in := range inputs {
		if lag := in.Lag(); lag != nil && in.Kind == kind {
			sum = max(sum, 0) + max(*lag, 0)
		}
	}
	return sum
}

// grown is how much a counter has grown within the last few seconds.
func (h *history) grown(key meterKey, now time.Time, count int64) (by int64, seconds float64) {
	m := h.meters[key]
	if m == nil {
		m = &meter{}
		h.meters[key] = m
	}
	return m.read(now, count)
}

func (h *history) rate(key meterKey, now time.Time, count int64) float64 {
	by, seconds := h.grown(key, now, count)
	if seconds <= 0 {
		return 0
	}
	return math.Round(float64(by)/seconds*10) / 10
}

// sample keeps a sample if it is time for one.
func (h *history) sample(s sample) {
	const early = samplePeriod / 4 // ticks are not exact
	if h.taken > 0 && s.at-h.samples[(h.taken-1)%mostSamples].at < (samplePeriod-early).Milliseconds() {
		return
	}
	if len(h.samples) < mostSamples {
		h.samples = append(h.samples, s)
	} else {
		h.samples[h.taken%mostSamples] = s
	}
	h.taken++
}

// since returns the samples behind the first n that were ever taken, as far as
// they are kept, how many have been taken by now, and the present rates.
func (h *history) since(n int) (Samples, int, Rates) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n = max(n, h.taken-len(h.samples))
	size := h.taken - n
	s := Samples{
		Time: make([]float64, 0, size), Level: make([]int64, 0, size), Bytes: make([]int64, 0, size),
		Received: make([]float64, 0, size), Stored: make([]float64, 0, size), Discarded: make([]float64, 0, size),
		Oldest: make([]float64, 0, size), Insert: make([]Known, 0, size),
		LagKafka: make([]Known, 0, size), LagJetStream: make([]Known, 0, size),
	}
	for ; n < h.taken; n++ {
		one := h.samples[n%mostSamples]
		s.Time = append(s.Time, float64(one.at)/1000)
		s.Level = append(s.Level, one.level)
		s.Bytes = append(s.Bytes, one.bytes)
		s.Received = append(s.Received, tenths(one.rates.received))
		s.Stored = append(s.Stored, tenths(one.rates.stored))
		s.Discarded = append(s.Discarded, tenths(one.rates.discarded))
		s.Oldest = append(s.Oldest, thousandths(one.oldest))
		s.Insert = append(s.Insert, Known(thousandths(one.insert)))
		s.LagKafka = append(s.LagKafka, Known(one.kafka))
		s.LagJetStream = append(s.LagJetStream, Known(one.streams))
	}
	return s, h.taken, h.rates
}

func tenths(rate float32) float64 { return math.Round(float64(rate)*10) / 10 }

func thousandths(seconds float32) float64 { return math.Round(float64(seconds)*1000) / 1000 }
