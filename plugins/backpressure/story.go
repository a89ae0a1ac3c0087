package backpressure

import "sync"

// story keeps the log in order: nobody reads of a pause after its end. It is locked
// while lines are written, and takes no other lock: callbacks of the gate use it.
type story struct {
	mu       sync.Mutex
	released int // pauses of the buffer's that the log has the end of
}

// releases is how many pauses have ended, for goOn.
func (s *story) releases() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.released
}

// release writes that a pause ends.
func (s *story) release(write func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.released++
	write()
}

// goOn writes something of a pause, unless one has ended since there were so many
// releases.
func (s *story) goOn(releases int, write func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.released == releases {
		write()
	}
}
