// Package logtest keeps what a test's subject logs.
package logtest

import (
	"bytes"
	"sync"
)

// Text is what was written so far. The zero value is ready to use, and safe for
// concurrent use: it may be read while more is written.
type Text struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer. It never fails.
func (t *Text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.Write(p)
}

// String is all of it.
func (t *Text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
