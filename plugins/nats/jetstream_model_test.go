package nats

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"
)

// consumerModel is what a JetStream consumer does, and what the stream behind
// the input did with the messages of it.
type consumerModel struct {
	t       *rapid.T
	all     bool
	in      *intake
	last    uint64            // of the stream, as far as it was delivered
	seen    uint64            // deliveries
	counts  map[uint64]uint64 // of deliveries, of what is not acknowledged
	settled map[uint64]bool   // by the stream
	out     [][]*run          // batches that the stream has
}

func newConsumerModel(t *rapid.T, all bool) *consumerModel {
	m := &consumerModel{t: t, all: all, counts: map[uint64]uint64{}, settled: map[uint64]bool{}}
	m.in = newIntake(intakeConfig{messages: 1000, bytes: 1 << 20, count: rapid.IntRange(1, 4).Draw(t, "batch")}, all)
	m.in.restart(time.Time{}, 1, 0, 0)
	return m
}

// deliver sends one message, which may be lost on its way.
func (m *consumerModel) deliver(sequence uint64, arrives bool) {
	m.seen++
	m.counts[sequence]++
	if !arrives {
		return
	}
	d := delivery{count: m.counts[sequence], stream: sequence, consumer: m.seen}
	if say := m.in.offer(&nats.Msg{Reply: fmt.Sprint(sequence)}, d); say.word != nil {
		m.acknowledge(say.reply)
	}
}

// send takes acknowledgements to the server, unless they are lost on their way.
func (m *consumerModel) send(r receipt, arrives bool) {
	if arrives {
		m.acknowledge(r.replies...)
		m.in.confirmed(r.id)
	}
}

// acknowledge is what the server does with an answer; it must be for nothing
// that the stream has not settled.
func (m *consumerModel) acknowledge(replies ...string) {
	for _, reply := range replies {
		var upTo uint64
		fmt.Sscan(reply, &upTo)
		for sequence := range m.counts {
			if sequence == upTo || m.all && sequence < upTo {
				if !m.settled[sequence] {
					m.t.Fatalf("message %d was acknowledged, and never settled", sequence)
				}
				delete(m.counts, sequence)
			}
		}
	}
}

// pending is what the server may deliver again, in order.
func (m *consumerModel) pending() (sequences []uint64) {
	for sequence := range m.counts {
		sequences = append(sequences, sequence)
	}
	slices.Sort(sequences)
	return sequences
}

func (m *consumerModel) take() bool {
	_, runs, _, err := m.in.look(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	for _, r := range runs {
		for _, i := range r.items {
			if m.settled[i.sequence] {
				m.t.Fatalf("message %d was settled, and is passed on again", i.sequence)
			}
		}
	}
	if len(runs) > 0 {
		m.out = append(m.out, runs)
	}
	return len(runs) > 0
}

// answer settles or rejects one batch of those that the stream has.
func (m *consumerModel) answer(at int, ok, arrives bool) {
	runs := m.out[at]
	m.out = slices.Delete(m.out, at, at+1)
	if !ok {
		m.in.nack(runs)
		return
	}
	for _, r := range runs {
		for _, i := range r.items {
			m.settled[i.sequence] = true
		}
	}
	m.send(m.in.settle(runs), arrives)
}

// relieve is what the keeper does while there is a debt.
func (m *consumerModel) relieve(arrives bool) {
	if m.in.inDebt() {
		m.send(m.in.relieve(uint64(len(m.counts))), arrives)
	}
}

func (m *consumerModel) step() {
	switch rapid.IntRange(0, 9).Draw(m.t, "action") {
	case 0, 1, 2:
		m.last++
		m.deliver(m.last, rapid.IntRange(0, 9).Draw(m.t, "lost") > 0)
	case 3:
		if p := m.pending(); len(p) > 0 {
			m.deliver(rapid.SampledFrom(p).Draw(m.t, "again"), rapid.IntRange(0, 9).Draw(m.t, "lost") > 0)
		}
	case 4, 5:
		m.take()
	case 6, 7, 8:
		if n := len(m.out); n > 0 {
			m.answer(rapid.IntRange(0, n-1).Draw(m.t, "answered"), rapid.IntRange(0, 4).Draw(m.t, "rejected") > 0,
				rapid.IntRange(0, 4).Draw(m.t, "unheard") > 0)
		}
	case 9:
		m.relieve(rapid.IntRange(0, 4).Draw(m.t, "unheard") > 0)
	}
}

// finish lets everything go well from now on.
func (m *consumerModel) finish() {
	for range 3 {
		for _, sequence := range m.pending() {
			if _, still := m.counts[sequence]; still {
				m.deliver(sequence, true)
			}
		}
		for m.take() {
		}
		for len(m.out) > 0 {
			m.answer(0, true, true)
		}
		m.relieve(true)
		for _, r := range m.in.unconfirmed(0) {
			m.send(r, true)
		}
	}
	if len(m.counts) > 0 {
		m.t.Fatalf("%v are never acknowledged, though everything was settled", m.pending())
	}
	if held := m.in.ledger.held(); held > 0 {
		m.t.Fatalf("%d messages are held for ever", held)
	}
}

// Whatever is delivered again, lost, rejected or answered late, and whatever
// acknowledgement is not heard: nothing is acknowledged that was not settled,
// nothing is passed on again that was, and in the end everything is acknowledged.
func TestIntakeAgainstAModelOfAConsumer(t *testing.T) {
	for _, all := range []bool{false, true} {
		t.Run(fmt.Sprint("ack all ", all), rapid.MakeCheck(func(t *rapid.T) {
			m := newConsumerModel(t, all)
			for range rapid.IntRange(1, 120).Draw(t, "steps") {
				m.step()
			}
			m.finish()
		}))
	}
}
