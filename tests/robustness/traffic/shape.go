package traffic

import (
	"math/rand/v2"
	"time"
)

// Shape is how a source is fed.
type Shape struct {
	// Rate is how many records are sent in a second, on average.
	Rate int
	// MaxSize bounds the padding of a record.
	MaxSize int
	// Poison is one in so many records, 0 for none.
	Poison int
}

// beat is how often records are sent.
const beat = 10 * time.Millisecond

// sizes, of which the later are rare: one in so many records has up to so much padding.
var sizes = []struct{ oneIn, most int }{
	{20_000, 2_000_000},
	{1000, 100_000},
	{20, 3000},
	{1, 200},
}

// draw chooses the size of the next record.
func (s Shape) draw(r *rand.Rand) int {
	for _, size := range sizes {
		if r.IntN(size.oneIn) == 0 {
			return r.IntN(min(size.most, max(s.MaxSize, 1)))
		}
	}
	return 0
}

// burst chooses how many records come at a beat: none half of the time, and now and
// then ten times as many as on average.
func (s Shape) burst(r *rand.Rand) int {
	mean := float64(s.Rate) * beat.Seconds()
	switch n := r.IntN(100); {
	case n < 50:
		return 0
	case n < 97:
		return round(r, mean*1.5)
	default:
		return round(r, mean*10)
	}
}

// round takes the fraction for a probability.
func round(r *rand.Rand, x float64) int {
	n := int(x)
	if r.Float64() < x-float64(n) {
		n++
	}
	return n
}
