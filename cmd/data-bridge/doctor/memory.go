package doctor

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/dustin/go-humanize"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/machine"
	"github.com/data-bridge-io/data-bridge/plugins/checkup"
)

const (
	// recordOverhead is what a record that travels as a message of its own holds
	// beside its bytes: 130 as TestRecordOverhead measures it, and the copy that is
	// handed out where there are processors.
	recordOverhead = 200
	// frameOverhead is what a record in a message of many holds: where it ends.
	frameOverhead = 8
	// outsideHeap is what the process takes that is no heap: code, stacks, and what
	// the collector needs. One that does nothing takes 40 MiB in all.
	outsideHeap = 80 << 20
	// gcGrowth is how far the heap grows beyond what is alive where no limit
	// stops it, with the GOGC of 400 that the binary sets.
	gcGrowth = 5
	// crowded is the share of a limit above which there is no room for surprises.
	crowded = 0.9
)

// load is what a full stream holds, in bytes.
type load struct {
	records  int64 // in the buffer
	bodies   int64 // theirs
	overhead int64
	columns  int64 // of the batches that the output has decoded
	clients  int64 // ahead of the buffer
	mean     int64 // bytes of a record
}

func (l load) live() int64 { return l.bodies + l.overhead + l.columns + l.clients }

// checkMemory estimates what the process holds when the buffer is full.
func (c *check) checkMemory(built *components, samples map[string]*checkup.Sample) {
	b := c.facts.Buffer
	mean, framed := largest(samples)
	c.report("buffer", func(r *checkup.Report) {
		switch {
		case b.Max == 0:
		case mean == 0:
			r.Info("memory", "max_buffer_size", "could not check: without a sample the size of a record is not known")
		default:
			l := c.estimate(built, mean, framed)
			c.reportLoad(l, r)
			c.reportLimits(l, r)
			c.reportBatches(built, l, r)
		}
	})
}

// largest is the size of a record of the input that has the largest, and whether
// all of them travel many to a message.
func largest(samples map[string]*checkup.Sample) (mean int64, framed bool) {
	framed = true
	for _, s := range samples {
		mean = max(mean, s.MeanBytes())
		framed = framed && s.Records > len(s.Batch)
	}
	return mean, framed
}

func (c *check) estimate(built *components, mean int64, framed bool) load {
	b := c.facts.Buffer
	each := int64(recordOverhead)
	if framed {
		each = frameOverhead
	}
	l := load{records: int64(b.Max), mean: mean}
	l.bodies = l.records * mean
	if b.MaxBytes > 0 && l.bodies > b.MaxBytes { // the bound in bytes comes first
		l.bodies, l.records = b.MaxBytes, b.MaxBytes/mean
	}
	l.overhead = l.records * each
	for _, e := range built.roster.Entries() {
		switch x := e.Component.(type) {
		case checkup.Taker:
			inserting, waiting := x.InHand()
			l.columns += min(l.bodies, int64(inserting+waiting)*min(int64(b.BatchCount)*mean, b.BatchBytes))
		case checkup.Holder:
			l.clients += x.Holds(mean)
		}
	}
	return l
}

// leastHeld is how many of the largest records max_bytes should have room for.
const leastHeld = 10

func (c *check) reportLoad(l load, r *checkup.Report) {
	b := c.facts.Buffer
	r.OK("memory", "max_buffer_size", "full, the stream holds %s: %d records of %d bytes in the buffer (%s, and %s beside them), %s in columns at the output, up to %s in clients",
		size(l.live()), l.records, l.mean, size(l.bodies), size(l.overhead), size(l.columns), size(l.clients))
	switch {
	case b.MaxBytes > 0 && l.mean > b.MaxBytes/leastHeld:
		r.Warn("memory", "max_bytes", fmt.Sprintf("%s is full at %d records of %d bytes: they are inserted about one by one", size(b.MaxBytes), l.records, l.mean),
			fmt.Sprintf("raise it to %s at least, %d of the largest; the default is 128MiB", size(l.mean*leastHeld), leastHeld))
	case l.records < int64(b.Max):
		r.Info("memory", "max_bytes", "%s is reached before max_buffer_size (%d): with records of %d bytes the buffer is full at %d of them", size(b.MaxBytes), b.Max, l.mean, l.records)
	}
}

// reportLimits compares what is held with the limits of the process.
func (c *check) reportLimits(l load, r *checkup.Report) {
	live, limit, given := l.live(), c.host.MemoryLimit(uint64(l.live())), "" //nolint:gosec // not negative
	if os.Getenv("GOMEMLIMIT") != "" {
		limit, given = debug.SetMemoryLimit(-1), "GOMEMLIMIT"
	}
	if given != "" && float64(live) > crowded*float64(limit) {
		r.Warn("memory", given, fmt.Sprintf("%s is less than what a full stream needs (%s): the collector would work all the time", size(limit), size(live)),
			fmt.Sprintf("raise it to %s or more, or lower max_bytes and max_buffer_size", size(live/4*7)))
	}
	peak := max(live, min(limit, gcGrowth*live)) + outsideHeap
	most, source := machine.Memory()
	switch {
	case most == 0:
		r.Info("memory", "", "could not check: the memory of this machine is not known; the process may take %s", size(peak))
	case live+outsideHeap > most:
		r.Fail("memory", "max_bytes", fmt.Sprintf("a full stream needs %s, and there are %s (%s): the process would be killed, and core NATS loses what it held", size(live+outsideHeap), size(most), source),
			"lower max_bytes and max_buffer_size, or give it more memory")
	case float64(peak) > crowded*float64(most):
		r.Warn("memory", "GOMEMLIMIT", fmt.Sprintf("the process may take %s of %s (%s) when the buffer is full", size(peak), size(most), source),
			fmt.Sprintf("set GOMEMLIMIT=%dMiB, lower max_bytes, or give it more memory", max(live, most/5*4)>>20))
	default:
		r.OK("memory", "", "the process takes up to %s of %s (%s)", size(peak), size(most), source)
	}
}

// reportBatches compares batches with the thresholds.
func (c *check) reportBatches(built *components, l load, r *checkup.Report) {
	b := c.facts.Buffer
	if l.mean > 0 && int64(b.BatchCount)*l.mean > b.BatchBytes {
		r.Info("batches", "batch.byte_size", "batches leave at %s, which is %d records of %d bytes, before batch.count (%d)", size(b.BatchBytes), max(1, b.BatchBytes/l.mean), l.mean, b.BatchCount)
	}
	for _, e := range built.roster.Entries() {
		x, ok := e.Component.(checkup.Taker)
		if !ok {
			continue
		}
		if inserting, _ := x.InHand(); inserting*b.BatchCount > b.Pause {
			r.Warn("batches", "batch.count", fmt.Sprintf("%d inserts at a time (max_in_flight of %s) of %d records are more than pause_threshold (%d): the gate closes by what is being inserted alone", inserting, nameOf(e), b.BatchCount, b.Pause),
				"lower batch.count or max_in_flight, or raise max_buffer_size")
		}
	}
}

func size(n int64) string { return humanize.IBytes(uint64(max(0, n))) }
