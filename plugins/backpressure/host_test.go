package backpressure

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// host runs the buffer inside of the real engine, between an input and an
// output of the test's own.
type host struct {
	env  *service.Environment
	logs *logbook

	mu     sync.Mutex
	sent   int
	acks   map[int]error // by number of the source batch
	gauges map[string][]int64
	write  func(context.Context, service.MessageBatch) error
}

func newHost(write func(context.Context, service.MessageBatch) error) *host {
	h := &host{
		env: service.GlobalEnvironment().Clone(), logs: &logbook{},
		acks: map[int]error{}, gauges: map[string][]int64{}, write: write,
	}
	empty := service.NewConfigSpec()
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	must(h.env.RegisterBatchInput("probe", empty, func(*service.ParsedConfig, *service.Resources) (service.BatchInput, error) {
		return &hostInput{h}, nil
	}))
	must(h.env.RegisterBatchOutput("probe", empty, func(*service.ParsedConfig, *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
		return &hostOutput{h}, service.BatchPolicy{}, 4, nil
	}))
	must(h.env.RegisterMetricsExporter("probe", empty, func(*service.ParsedConfig, *service.Logger) (service.MetricsExporter, error) {
		return hostMetrics{h}, nil
	}))
	return h
}

// hostBatches is how many batches of three messages the input delivers.
const hostBatches = 4

type hostInput struct{ *host }

func (*hostInput) Connect(context.Context) error { return nil }
func (*hostInput) Close(context.Context) error   { return nil }

func (i *hostInput) ReadBatch(context.Context) (service.MessageBatch, service.AckFunc, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.sent == hostBatches {
		return nil, nil, service.ErrEndOfInput
	}
	n := i.sent
	i.sent++
	batch := make(service.MessageBatch, 3)
	for k := range batch {
		batch[k] = service.NewMessage(fmt.Appendf(nil, "%d", n*3+k))
	}
	return batch, func(_ context.Context, err error) error {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.acks[n] = err
		return nil
	}, nil
}

type hostOutput struct{ *host }

func (*hostOutput) Connect(context.Context) error { return nil }
func (*hostOutput) Close(context.Context) error   { return nil }

func (o *hostOutput) WriteBatch(ctx context.Context, b service.MessageBatch) error {
	return o.write(ctx, b)
}

// hostMetrics keeps every value that a gauge of the buffer was set to.
type hostMetrics struct{ *host }

type hostMetric struct {
	*host
	name string
}

func (hostMetric) Incr(int64)                   {}
func (hostMetric) Timing(int64)                 {}
func (hostMetrics) Close(context.Context) error { return nil }

func (m hostMetric) Set(v int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gauges[m.name] = append(m.gauges[m.name], v)
}

func (m hostMetrics) NewCounterCtor(string, ...string) service.MetricsExporterCounterCtor {
	return func(...string) service.MetricsExporterCounter { return hostMetric{m.host, ""} }
}

func (m hostMetrics) NewTimerCtor(string, ...string) service.MetricsExporterTimerCtor {
	return func(...string) service.MetricsExporterTimer { return hostMetric{m.host, ""} }
}

func (m hostMetrics) NewGaugeCtor(name string, _ ...string) service.MetricsExporterGaugeCtor {
	return func(...string) service.MetricsExporterGauge { return hostMetric{m.host, name} }
}

func (h *host) stream(t *testing.T, buffer string) *service.Stream {
	t.Helper()
	b := h.env.NewStreamBuilder()
	b.SetLogger(slog.New(h.logs))
	require.NoError(t, b.SetYAML(`
input: {probe: {}}
buffer:
  backpressure:
    status_server: {enabled: false}
`+buffer+`
output: {probe: {}}
metrics: {probe: {}}
`))
	s, err := b.Build()
	require.NoError(t, err)
	return s
}

func (h *host) acked() map[int]error {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[int]error{}
	for k, v := range h.acks {
		out[k] = v
	}
	return out
}

var allAcked = map[int]error{0: nil, 1: nil, 2: nil, 3: nil}

// The input has ended and its acknowledgements are held: the host calls
// EndOfInput only after they are resolved. The tail of 12 messages in batches
// of 5 must leave without it.
func TestHostTailLeavesWithoutEndOfInput(t *testing.T) {
	var sizes []int
	var mu sync.Mutex
	h := newHost(func(_ context.Context, b service.MessageBatch) error {
		mu.Lock()
		defer mu.Unlock()
		sizes = append(sizes, len(b))
		return nil
	})
	require.NoError(t, h.stream(t, "    batch: {count: 5, period: 50ms}").Run(t.Context()))
	total := 0
	for _, n := range sizes {
		assert.LessOrEqual(t, n, 5)
		total += n
	}
	assert.Equal(t, 12, total)
	assert.Equal(t, allAcked, h.acked())
	assert.Contains(t, h.logs.take(), "INFO ✅ Data Bridge stopped gracefully")
}

// The output settles its batches from the last to the first.
func TestHostAcknowledgesOutOfOrder(t *testing.T) {
	var mu sync.Mutex
	var turn []chan struct{}
	h := newHost(func(ctx context.Context, _ service.MessageBatch) error {
		mu.Lock()
		mine := make(chan struct{})
		turn = append(turn, mine)
		if len(turn) == 4 {
			close(mine)
		}
		at := len(turn) - 1
		mu.Unlock()
		select {
		case <-mine:
		case <-ctx.Done():
			return ctx.Err()
		}
		mu.Lock()
		defer mu.Unlock()
		if at > 0 {
			close(turn[at-1])
		}
		return nil
	})
	require.NoError(t, h.stream(t, "    batch: {count: 3, period: 50ms}").Run(t.Context()))
	assert.Equal(t, allAcked, h.acked())
}

// The output hangs: the host forces its stop and delivers no acknowledgement
// any more. Unless Close hands back every one that the buffer holds, the stop
// would last until its deadline and fail.
func TestHostForcedStopDoesNotHang(t *testing.T) {
	stuck := make(chan struct{}, hostBatches)
	h := newHost(func(ctx context.Context, _ service.MessageBatch) error {
		stuck <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	s := h.stream(t, "    batch: {count: 3, period: 50ms}")
	ended := make(chan error, 1)
	go func() { ended <- s.Run(context.Background()) }()
	<-stuck
	require.NoError(t, s.Stop(impatient{within(t), time.Now().Add(4 * time.Second)}))
	<-ended
	assert.NotContains(t, h.logs.take(), "INFO ✅ Data Bridge stopped gracefully")
}

// impatient lets the host give its orderly stop up soon, as it does long before the
// deadline, and leaves it all the time for the forced one.
type impatient struct {
	context.Context
	deadline time.Time
}

func (i impatient) Deadline() (time.Time, bool) { return i.deadline, true }

// within is a context for one step that may hang.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// A gauge of the host does not accumulate: only Set is right.
func TestHostGaugesShowTheLevel(t *testing.T) {
	release, arrived := make(chan struct{}), make(chan struct{}, hostBatches)
	h := newHost(func(ctx context.Context, _ service.MessageBatch) error {
		arrived <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	s := h.stream(t, "    batch: {count: 3, period: 50ms}\n    heartbeat_interval: 20ms\n    max_buffer_size: 40")
	ended := make(chan error, 1)
	go func() { ended <- s.Run(context.Background()) }()
	for range hostBatches {
		<-arrived
	}
	require.Eventually(t, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		levels, limits := h.gauges["backpressure_level"], h.gauges["backpressure_limit"]
		bytes, bound := h.gauges["backpressure_level_bytes"], h.gauges["backpressure_limit_bytes"]
		return len(levels) > 1 && levels[len(levels)-1] == 12 && limits[len(limits)-1] == 40 &&
			bytes[len(bytes)-1] == 14 && bound[len(bound)-1] == 128<<20 // the numbers from 0 to 11
	}, 3*time.Minute, 10*time.Millisecond)
	close(release)
	require.NoError(t, <-ended)
	assert.Equal(t, allAcked, h.acked())
}
