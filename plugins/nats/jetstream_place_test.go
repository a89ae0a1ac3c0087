package nats

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// placeModel is a stream, its consumer and those who share it, as the server has them.
type placeModel struct {
	t         *rapid.T
	there     []uint64 // the sequences that the stream has and nobody was delivered
	last      uint64   // of the stream
	delivered []uint64 // what may come again
	deliverer uint64   // the last delivery
	highest   uint64   // that was delivered
	gone      uint64   // deleted before it was delivered, and lower than what was
	deleted   []uint64 // and not lower, so far
	places    []place
	made      time.Time
}

func newPlaceModel(t *rapid.T, sharing int) *placeModel {
	m := &placeModel{t: t, places: make([]place, sharing), made: time.Now()}
	if sharing == 1 { // of several each knows how many gaps there are, and none which ones another has passed
		for range rapid.IntRange(0, 5).Draw(t, "before") {
			m.publish()
			m.there = m.there[:len(m.there)-rapid.IntRange(0, 1).Draw(t, "gone before")]
		}
	}
	for i := range m.places {
		m.settle(i)
	}
	return m
}

func (m *placeModel) publish() {
	m.last++
	m.there = append(m.there, m.last)
}

// settle is what a reader does that begins, at first with a consumer just made.
func (m *placeModel) settle(i int) {
	a := anchor{made: m.made, stream: m.made, whole: true, consumer: m.deliverer, last: m.highest, pending: uint64(len(m.there)), fresh: m.deliverer == 0}
	if a.fresh {
		a.holes, a.upTo = m.last-a.pending, m.last
	}
	m.places[i].settle(a)
}

func (m *placeModel) delete() {
	if len(m.there) == 0 {
		return
	}
	at := rapid.IntRange(0, len(m.there)-1).Draw(m.t, "deleted")
	m.deleted = append(m.deleted, m.there[at])
	m.there = slices.Delete(m.there, at, at+1)
}

func (m *placeModel) deliver(i int, arrives bool) {
	if len(m.there) == 0 {
		return
	}
	sequence := m.there[0]
	m.there = m.there[1:]
	m.delivered = append(m.delivered, sequence)
	m.deleted = slices.DeleteFunc(m.deleted, func(s uint64) bool {
		if s < sequence {
			m.gone++
		}
		return s < sequence
	})
	m.highest = sequence
	m.send(i, delivery{count: 1, stream: sequence}, arrives)
}

func (m *placeModel) again(i int) {
	if len(m.delivered) > 0 {
		m.send(i, delivery{count: 2, stream: rapid.SampledFrom(m.delivered).Draw(m.t, "again")}, true)
	}
}

func (m *placeModel) send(i int, d delivery, arrives bool) {
	m.deliverer++
	d.consumer, d.pending, d.stored = m.deliverer, uint64(len(m.there)), m.made.Add(time.Second)
	if arrives {
		m.places[i].follow(d)
	}
}

func (m *placeModel) counted() (n uint64) {
	for i := range m.places {
		n += m.places[i].lost.skipped
	}
	return n
}

// What was deleted before it was delivered is counted, once, by one that reads alone
// and by one that has asked before it reads; by others never more than that.
func TestPlaceAgainstAModelOfAStream(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sharing    int
		ask, exact bool
	}{"alone": {1, false, true}, "shared": {3, false, false}, "shared and asked": {3, true, true}} {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			m := newPlaceModel(t, c.sharing)
			for range rapid.IntRange(1, 100).Draw(t, "steps") {
				i := rapid.IntRange(0, c.sharing-1).Draw(t, "reader")
				if c.ask {
					m.places[i].catchUpOthers(m)
				}
				switch rapid.IntRange(0, 6).Draw(t, "action") {
				case 0, 1:
					m.publish()
				case 2:
					m.delete()
				case 3, 4:
					m.deliver(i, true)
				case 5:
					m.again(i)
				case 6:
					m.settle(i)
				}
				if got := m.counted(); got > m.gone || c.exact && m.highest > m.places[0].upTo && got != m.gone {
					t.Fatalf("%d were counted, of %d that are gone", got, m.gone)
				}
			}
		}))
	}
}

// catchUpOthers is what a reader does before it asks, when it knows of others.
func (p *place) catchUpOthers(m *placeModel) {
	p.others = true
	p.catchUp(m.deliverer, m.highest, uint64(len(m.there)))
}

// What was on its way when a connection was lost does not hide what was gone before.
func TestPlaceCountsWhatWasLeftOutBeforeDeliveriesThatNeverCame(t *testing.T) {
	t.Parallel()
	made := time.Now()
	a := anchor{made: made, stream: made, whole: true, consumer: 10, last: 10}
	var p place
	p.settle(a)
	p.follow(delivery{count: 1, stream: 11, consumer: 11, stored: made.Add(time.Second)})
	a.consumer, a.last, a.unanswered = 16, 100, true // five came, of 89
	p.settle(a)
	assert.EqualValues(t, 84, p.take().skipped)
	p.follow(delivery{count: 2, stream: 97, consumer: 17, stored: made.Add(time.Second)})
	p.follow(delivery{count: 1, stream: 103, consumer: 18, stored: made.Add(time.Second)})
	assert.Equal(t, "101 103 2", fmt.Sprint(p.lost.from, p.lost.to, p.lost.skipped))
}

// A consumer that we make in the place of one that is gone begins where that stood;
// one that somebody else makes begins where they want it.
func TestPlaceOfAConsumerMadeAnew(t *testing.T) {
	t.Parallel()
	made := time.Now()
	old := anchor{made: made, stream: made, whole: true, consumer: 10, last: 10}
	for _, c := range []struct {
		fresh bool
		lost  int
	}{{true, 9}, {false, 0}} {
		var p place
		p.settle(old)
		p.settle(anchor{
			made: made.Add(time.Second), stream: made, whole: true, last: 19, fresh: c.fresh,
			config: jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: 8},
		})
		p.follow(delivery{count: 1, stream: 20, consumer: 1, stored: made.Add(2 * time.Second)})
		assert.EqualValues(t, c.lost, p.lost.skipped)
	}
}
