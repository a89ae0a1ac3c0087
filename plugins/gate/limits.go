package gate

import "fmt"

// Limits are the hard bounds and the thresholds of a gate, in records and in
// bytes.
type Limits struct {
	// Max is the hard bound of the level; the buffer blocks there.
	Max int
	// Pause closes the gate when the level is strictly above it.
	Pause int
	// Yield is how far sources that can wait fill the buffer; see Turn.
	Yield int
	// Resume lets the gate open when the level is strictly below it.
	Resume int
	// Bytes are the same four for the bytes of those records. With a Max of
	// zero bytes bound nothing.
	Bytes ByteLimits
}

// ByteLimits are the bound and the thresholds in bytes.
type ByteLimits struct{ Max, Pause, Yield, Resume int64 }

// WithBytes returns the limits with a byte bound too, whose thresholds are the
// same fractions of it as those of the records are of theirs.
func (l Limits) WithBytes(limit int64) Limits {
	share := func(records int) int64 { return int64(float64(limit) * float64(records) / float64(l.Max)) }
	l.Bytes = ByteLimits{Max: limit, Pause: share(l.Pause), Yield: share(l.Yield), Resume: share(l.Resume)}
	return l
}

// Validate checks 0 < Resume < Pause <= Max and 0 < Yield < Pause, for records
// and for bytes. The error names the settings of the backpressure buffer and their values.
func (l Limits) Validate() error {
	if l.Resume <= 0 || l.Resume >= l.Pause || l.Pause > l.Max {
		return fmt.Errorf("resume_threshold (%d), pause_threshold (%d) and max_buffer_size (%d) are out of order: "+
			"0 < resume_threshold < pause_threshold <= max_buffer_size is required", l.Resume, l.Pause, l.Max)
	}
	if l.Yield <= 0 || l.Yield >= l.Pause {
		return fmt.Errorf("yield_threshold (%d) and pause_threshold (%d) are out of order: "+
			"0 < yield_threshold < pause_threshold is required", l.Yield, l.Pause)
	}
	if b := l.Bytes; b.Max != 0 && (b.Resume <= 0 || b.Resume >= b.Pause || b.Yield <= 0 || b.Yield >= b.Pause) {
		return fmt.Errorf("max_bytes (%d B) is too small: its shares at resume_threshold (%d B), yield_threshold (%d B) and pause_threshold (%d B) "+
			"must be above zero, and the last one above the others", b.Max, b.Resume, b.Yield, b.Pause)
	}
	return nil
}

// Level is what a buffer holds.
type Level struct {
	Records int
	Bytes   int64
}

// above reports whether either level is over its pause threshold.
func (l Limits) above(v Level) bool {
	return v.Records > l.Pause || (l.Bytes.Max != 0 && v.Bytes > l.Bytes.Pause)
}

// Below reports whether both levels are under their resume thresholds.
func (l Limits) Below(v Level) bool {
	return v.Records < l.Resume && (l.Bytes.Max == 0 || v.Bytes < l.Bytes.Resume)
}
