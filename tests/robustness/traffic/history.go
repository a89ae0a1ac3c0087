package traffic

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

// History is what is known of the records of a source. Its methods may be called
// from any goroutine.
type History struct {
	mu      sync.Mutex
	records []model.Record
	last    []int64 // sequence, by part
	sent    int64   // of the first part, that the server has for certain
	epoch   int
}

func newHistory(parts int) *History { return &History{last: make([]int64, parts)} }

// add numbers a record that is about to be sent, and returns where it is.
func (h *History) add(part, size int, poison bool) (at int, r model.Record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last[part]++
	r = model.Record{
		Part: part, Seq: h.last[part], Size: size, Poison: poison,
		Outcome: model.Unknown, Position: -1, Epoch: h.epoch,
	}
	h.records = append(h.records, r)
	return len(h.records) - 1, r
}

// settle notes what became of a record.
func (h *History) settle(at int, outcome model.Outcome, position int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := &h.records[at]
	r.Outcome, r.Position = outcome, position
	if r.Part == 0 && outcome == model.Acked {
		h.sent = max(h.sent, r.Seq)
	}
}

// record is what is known of a record now.
func (h *History) record(at int) model.Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.records[at]
}

// Records are all of them, in the order in which they were sent.
func (h *History) Records() []model.Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]model.Record(nil), h.records...)
}

// Sent is the last record of the first part that the server has for certain.
func (h *History) Sent() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sent
}

// Last are the last records of all parts, whatever became of them.
func (h *History) Last() []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]int64(nil), h.last...)
}

// Anew tells that topic or stream is another one from here on, and returns which
// one it was.
func (h *History) Anew() (was int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.epoch++
	return h.epoch - 1
}

// Epoch counts how often topic or stream has been made anew.
func (h *History) Epoch() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.epoch
}

// Grow adds parts.
func (h *History) Grow(parts int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.last) < parts {
		h.last = append(h.last, 0)
	}
}

func (h *History) parts() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.last)
}

// Write writes the records as JSON, one a line.
func (h *History) Write(w io.Writer) error {
	out := json.NewEncoder(w)
	for _, r := range h.Records() {
		if err := out.Encode(r); err != nil {
			return fmt.Errorf("writing the history: %w", err)
		}
	}
	return nil
}
