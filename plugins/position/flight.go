package position

import (
	"context"
	"crypto/rand"
	"strconv"
	"sync/atomic"
)

// flightKey finds the name of a flight in the context of its first message.
type flightKey struct{}

var (
	flights      atomic.Uint64
	flightPrefix = rand.Text() + "/"
)

// NewFlight returns a context for the first message of a batch that a buffer
// hands out, and hands out again when it is rejected. It has a name that no other
// batch has, in this process or another, by which an output knows the batch again.
func NewFlight(ctx context.Context) context.Context {
	return context.WithValue(ctx, flightKey{}, flights.Add(1))
}

// FlightOf returns the name of the batch whose first message carries ctx, "" if
// it was given none.
func FlightOf(ctx context.Context) string {
	n, ok := ctx.Value(flightKey{}).(uint64)
	if !ok {
		return ""
	}
	return flightPrefix + strconv.FormatUint(n, 36)
}
