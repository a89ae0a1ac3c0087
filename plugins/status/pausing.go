package status

import "sync"

// Pausing is whether one component is paused, of those that report to an input: one
// that takes the place of another has its own. It is safe for concurrent use.
type Pausing struct {
	in *Input

	mu sync.Mutex
	is bool
}

// Pausing returns that of a component which is not paused.
func (in *Input) Pausing() *Pausing { return &Pausing{in: in} }

// Set says whether the component is paused now. One that is closed is not.
func (p *Pausing) Set(paused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.is == paused {
		return
	}
	p.is = paused
	change := int64(1)
	if !paused {
		change = -1
	}
	p.in.yields.suspend(func() bool { return p.in.paused.Add(change) > 0 })
}
