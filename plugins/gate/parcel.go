package gate

import (
	"context"
	"sync/atomic"
)

// Parcel is one batch of a source that delivers nothing again, on its way to the buffer.
// The host may drop a batch without a word when it stops an input: the parcel tells
// whether the buffer answers for it, or the input does. It is safe for concurrent use.
// The methods of a nil Parcel do nothing.
type Parcel struct{ state atomic.Int32 }

// The states of a parcel.
const (
	onItsWay = iota
	arrived
	lost
)

type parcelKey struct{}

// Mark returns a context by which the buffer knows the batch whose first message carries
// it.
func (p *Parcel) Mark(ctx context.Context) context.Context {
	return context.WithValue(ctx, parcelKey{}, p)
}

// ParcelOf returns the parcel that marked the context, nil if none did.
func ParcelOf(ctx context.Context) *Parcel {
	p, _ := ctx.Value(parcelKey{}).(*Parcel)
	return p
}

// Arrive says that the buffer has heard of the batch, and counts what it loses of it. It
// reports false where the batch has been counted as lost already.
func (p *Parcel) Arrive() bool {
	return p == nil || p.state.CompareAndSwap(onItsWay, arrived) || p.state.Load() == arrived
}

// Lose says that the batch counts as lost. It reports false where the buffer has it, or
// it was counted before.
func (p *Parcel) Lose() bool { return p.state.CompareAndSwap(onItsWay, lost) }
