package gate

import "fmt"

// Limits are the hard bound and the two thresholds of a gate, in records.
type Limits struct {
	// Max is the hard bound of the level; the buffer blocks there.
	Max int
	// Pause closes the gate when the level is strictly above it.
	Pause int
	// Resume opens the gate when the level is strictly below it.
	Resume int
}

// Validate checks 0 < Resume < Pause <= Max. The error names the settings of
// the backpressure buffer and their values.
func (l Limits) Validate() error {
	if 0 < l.Resume && l.Resume < l.Pause && l.Pause <= l.Max {
		return nil
	}
	return fmt.Errorf("resume_threshold (%d), pause_threshold (%d) and max_buffer_size (%d) are out of order: "+
		"0 < resume_threshold < pause_threshold <= max_buffer_size is required", l.Resume, l.Pause, l.Max)
}
