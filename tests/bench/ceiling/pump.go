package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// held is a block with what has to be told to the source when it is stored.
type held[A any] struct {
	block
	acks A
}

// spare is how many blocks there are: one fills, one is inserted, one waits.
const spare = 3

// pump fills blocks on the source's goroutine and inserts them on another, one
// after the other, so that their acknowledgements come in order.
type pump[A any] struct {
	settle func(*held[A]) error // tells the source, and empties acks
	free   chan *held[A]
	full   chan *held[A]
	failed chan error // of the inserter

	rows int // of a full block

	mu      sync.Mutex // between the source and the clock
	current *held[A]
	since   time.Time // when the first row came into current
}

func newPump[A any](rows int, blocks func() block, settle func(*held[A]) error) *pump[A] {
	p := &pump[A]{
		rows:   rows,
		settle: settle,
		free:   make(chan *held[A], spare),
		full:   make(chan *held[A], spare),
		failed: make(chan error, 1),
	}
	for range spare {
		p.free <- &held[A]{block: blocks()}
	}
	p.current = <-p.free
	return p
}

// take reads all records of one message into the current block. Its caller
// holds the lock, adds the message's acknowledgement to current, and calls roll.
func (p *pump[A]) take(message []byte) (err error) {
	if p.current.rows() == 0 {
		p.since = time.Now()
	}
	return p.current.take(message)
}

// roll passes the current block on when it is full.
func (p *pump[A]) roll() {
	if p.current.rows() >= p.rows {
		p.next()
	}
}

func (p *pump[A]) next() {
	p.full <- p.current
	p.current = <-p.free
}

// insertAll inserts what is passed on until drain. It is a goroutine.
func (p *pump[A]) insertAll(ctx context.Context) {
	defer close(p.failed)
	for b := range p.full {
		err := b.insert(ctx)
		if err == nil {
			err = p.settle(b)
		}
		if err != nil {
			p.failed <- fmt.Errorf("inserting %d rows: %w", b.rows(), err)
			return
		}
		b.reset()
		p.free <- b
	}
}

// run works until ctx ends or something fails, and then inserts what is held.
// stop ends the source: nothing calls take after it.
func (p *pump[A]) run(ctx context.Context, failed <-chan error, stop func()) error {
	go p.insertAll(context.WithoutCancel(ctx)) // ends with drain, which waits for it
	tick := time.NewTicker(batchPeriod / 5)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			stop()
			return p.drain()
		case err := <-failed:
			return err
		case err := <-p.failed:
			return err
		case <-tick.C:
			p.mu.Lock()
			if p.current.rows() > 0 && time.Since(p.since) >= batchPeriod {
				p.next()
			}
			p.mu.Unlock()
		}
	}
}

func (p *pump[A]) drain() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current.rows() > 0 {
		p.full <- p.current
	}
	close(p.full)
	return <-p.failed
}
