package status

import (
	"math"
	"sync"
	"time"
)

const (
	// samplePeriod is the time between two samples of the history.
	samplePeriod = 2 * time.Second
	// mostSamples is how many a board keeps, of 40 bytes each: those of the last
	// hour, in 72 kB.
	mostSamples = int(time.Hour / samplePeriod)
	// rateSpan is how many readings, of one second each, a rate goes back: what
	// arrives in batches would jump otherwise.
	rateSpan = 5
)

// sample is what a stream looked like at one moment. Rates are in records per
// second.
type sample struct {
	at           time.Time
	level, bytes int64
	rates        sampleRates
}

// sampleRates are those of a stream's inputs and outputs together.
type sampleRates struct{ received, stored, discarded float32 }

// Samples are the samples of a stretch of time, in columns.
type Samples struct {
	Time  []float64 `json:"time"` // seconds since 1970
	Level []int64   `json:"level"`
	Bytes []int64   `json:"bytes"`
	// Received, Stored and Discarded are records per second.
	Received  []float64 `json:"received"`
	Stored    []float64 `json:"stored"`
	Discarded []float64 `json:"discarded"`
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

// meter tells the rate of one counter from its last readings.
type meter struct {
	readings [rateSpan]struct {
		at    time.Time
		count int64
	}
	taken int
}

// read takes a reading and returns the rate, per second, since the oldest one
// that is kept: 0 at the first.
func (m *meter) read(now time.Time, count int64) float64 {
	oldest := m.readings[0]
	if m.taken >= len(m.readings) {
		oldest = m.readings[m.taken%len(m.readings)]
	}
	latest := &m.readings[m.taken%len(m.readings)]
	latest.at, latest.count = now, count
	m.taken++
	span := now.Sub(oldest.at).Seconds()
	if m.taken == 1 || span <= 0 {
		return 0
	}
	return math.Round(float64(count-oldest.count)/span*10) / 10
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
	for _, out := range f.Outputs {
		r := OutputRates{Tables: map[string]float64{}}
		for _, t := range out.Tables() {
			r.Tables[t.Name] = h.rate(meterKey{"rows", out.Label, t.Name}, now, t.Rows.Load())
			r.Rows += r.Tables[t.Name]
		}
		h.rates.Outputs[f.prefix()+out.Label] = r
		all.stored += float32(r.Rows)
	}
	h.sample(sample{at: now, level: f.Buffer.Level, bytes: f.Buffer.Bytes, rates: all})
}

func (h *history) rate(key meterKey, now time.Time, count int64) float64 {
	m := h.meters[key]
	if m == nil {
		m = &meter{}
		h.meters[key] = m
	}
	return m.read(now, count)
}

// sample keeps a sample if it is time for one.
func (h *history) sample(s sample) {
	const early = samplePeriod / 4 // ticks are not exact
	if h.taken > 0 && s.at.Sub(h.samples[(h.taken-1)%mostSamples].at) < samplePeriod-early {
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
	}
	for ; n < h.taken; n++ {
		one := h.samples[n%mostSamples]
		s.Time = append(s.Time, float64(one.at.UnixMilli())/1000)
		s.Level = append(s.Level, one.level)
		s.Bytes = append(s.Bytes, one.bytes)
		s.Received = append(s.Received, tenths(one.rates.received))
		s.Stored = append(s.Stored, tenths(one.rates.stored))
		s.Discarded = append(s.Discarded, tenths(one.rates.discarded))
	}
	return s, h.taken, h.rates
}

func tenths(rate float32) float64 { return math.Round(float64(rate)*10) / 10 }
