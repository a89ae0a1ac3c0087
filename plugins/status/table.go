package status

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Table holds the figures of one table of an output, since the process
// started. It is safe for concurrent use.
type Table struct {
	Name string

	// Rows counts rows stored, Batches the inserts that stored them.
	Rows, Batches atomic.Int64
	// Retries counts insert attempts that failed and were tried again.
	Retries atomic.Int64
	// Deduplicated counts rows whose insert the server has recognised as one that
	// it had stored before; they are not among Rows.
	Deduplicated atomic.Int64
	// DeadLetters counts rows handed to the dead-letter output.
	DeadLetters atomic.Int64
	// Unmatched counts records of which no column took anything, stored or not.
	Unmatched atomic.Int64

	// ProcessorErrors counts records that a processor had failed at: dead letters, or
	// stored all the same.
	ProcessorErrors atomic.Int64
	// Held is rows that are settled and not acknowledged yet, since rows of this table
	// came in one batch with them, and wait.
	Held atomic.Int64

	queue    atomic.Pointer[Queue]
	inserts  waits
	inserted struct{ count, time atomic.Int64 } // that succeeded, and their time in nanoseconds
	latency  atomic.Pointer[Age]                // see InsertLatency
}

// Inserted notes that an insert has succeeded, and how long its last attempt took.
func (t *Table) Inserted(took time.Duration) {
	t.inserted.time.Add(int64(took))
	t.inserted.count.Add(1)
}

// InsertLatency is how long the inserts of the last few seconds took on average, as the
// status listener saw it last; nil where none succeeded.
func (t *Table) InsertLatency() *Age { return t.latency.Load() }

// Queue is the retry queue of one table at one moment.
type Queue struct {
	// Batches wait for their next attempt, or behind one that does.
	Batches int64
	// Rows is how many rows those have for the table.
	Rows int64
	// Since is when the oldest of them was handed to the output.
	Since time.Time
	// Attempts is how often that one was tried.
	Attempts int
	// Err says in words why, with the class of the error in front.
	Err string
	// Stuck says that somebody has to act: waiting alone will not help.
	Stuck bool
}

// SetQueue says what waits for a retry; the zero Queue when nothing does.
func (t *Table) SetQueue(q Queue) { t.queue.Store(&q) }

// Queue returns what SetQueue was last told.
func (t *Table) Queue() Queue {
	if q := t.queue.Load(); q != nil {
		return *q
	}
	return Queue{}
}

// tableList is the tables of one output, in the order they came.
type tableList struct {
	mu     sync.Mutex
	tables []*Table
}

// Table returns the figures of the table of that name, making them on first
// use.
func (o *Output) Table(name string) *Table {
	o.tables.mu.Lock()
	defer o.tables.mu.Unlock()
	i := slices.IndexFunc(o.tables.tables, func(t *Table) bool { return t.Name == name })
	if i >= 0 {
		return o.tables.tables[i]
	}
	t := &Table{Name: name}
	o.tables.tables = append(o.tables.tables, t)
	return t
}

// Tables returns the tables of the output, in the order they came.
func (o *Output) Tables() []*Table {
	o.tables.mu.Lock()
	defer o.tables.mu.Unlock()
	return slices.Clone(o.tables.tables)
}

// RetryQueue is the number of batches that wait for a retry, over all tables.
func (o *Output) RetryQueue() (n int64) {
	for _, t := range o.Tables() {
		n += t.Queue().Batches
	}
	return n
}

// sum adds up one figure of all tables.
func (o *Output) sum(figure func(*Table) *atomic.Int64) (n int64) {
	for _, t := range o.Tables() {
		n += figure(t).Load()
	}
	return n
}

// Rows counts the rows stored in all tables.
func (o *Output) Rows() int64 { return o.sum(func(t *Table) *atomic.Int64 { return &t.Rows }) }

// Batches counts the inserts into all tables.
func (o *Output) Batches() int64 { return o.sum(func(t *Table) *atomic.Int64 { return &t.Batches }) }

// Retries counts the failed attempts of all tables that were tried again.
func (o *Output) Retries() int64 { return o.sum(func(t *Table) *atomic.Int64 { return &t.Retries }) }

// DeadLetters counts the rows handed to the dead-letter output, those whose
// table could not be told included.
func (o *Output) DeadLetters() int64 {
	return o.Unrouted.Load() + o.sum(func(t *Table) *atomic.Int64 { return &t.DeadLetters })
}
