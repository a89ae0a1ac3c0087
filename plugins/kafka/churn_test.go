package kafka

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// Members come and go, and are paused and resumed, in every order: nothing is
// lost, nothing is repeated, and no partition is paused that should not be.
func TestChurn(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) { newChurn(t, c, more).run(20) })
}

// churn is a group whose membership changes all the time.
type churn struct {
	t     *testing.T
	c     *cluster
	topic string
	more  string
	sent  []int // values produced, by partition

	mu     sync.Mutex
	stable *consumer   // stays from the beginning to the end
	guests []*consumer // are members now
	gone   []*consumer // were members
}

const (
	churnPartitions = 8
	churnGuests     = 4
	churnRecords    = 20 // produced between two changes
)

func newChurn(t *testing.T, c *cluster, more string) *churn {
	c.beat = "20ms"
	return &churn{
		t: t, c: c, topic: c.topic(churnPartitions), more: more + "\nbatch: {count: 7}",
		sent: make([]int, churnPartitions),
	}
}

// run changes the membership so many times. Each change is one rebalance at least.
func (ch *churn) run(changes int) {
	ch.stable = ch.c.consume(ch.topic, false, ch.more)
	eventually(ch.t, "the group has formed", func() bool { return ch.stable.generation() > 0 })
	first := ch.stable.generation()
	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() { ch.flipGates(stop) })
	others.Go(func() { ch.watchPauses(stop) })
	for range changes {
		before := ch.stable.generation()
		ch.change()
		ch.produce()
		ch.awaitRebalance(before)
	}
	close(stop)
	others.Wait()
	ch.settle()
	ch.t.Logf("%d changes of membership, %d rebalances", changes, ch.stable.generation()-first)
	require.GreaterOrEqual(ch.t, int(ch.stable.generation()-first), changes)
	ch.requireEachValueOnce()
}

// awaitRebalance waits until the stable member is of a later generation, and tells how
// all stand if it never is.
func (ch *churn) awaitRebalance(before int32) {
	ch.t.Helper()
	defer func() {
		if ch.t.Failed() {
			ch.t.Log(ch.standing())
		}
	}()
	eventually(ch.t, fmt.Sprintf("the group rebalances after generation %d", before), func() bool { return ch.stable.generation() > before })
}

// standing is how the members and the brokers see the group.
func (ch *churn) standing() string {
	var all strings.Builder
	for i, k := range append(ch.members(), ch.gone...) {
		fmt.Fprintf(&all, "\nmember %d: ", i)
		if s := k.in.session.Load(); s != nil {
			id, generation := s.client.GroupMetadata()
			fmt.Fprintf(&all, "%s of generation %d, %s, partitions %v, paused %t", id, generation, k.in.stats.Share().Group, k.owned(), k.gate.Paused())
		}
	}
	groups, err := ch.c.admin.DescribeGroups(ch.t.Context(), ch.c.group())
	fmt.Fprintf(&all, "\nthe brokers: %+v, %v", groups[ch.c.group()], err)
	return all.String()
}

// change lets one member come or go. It may be paused when it does.
func (ch *churn) change() {
	if n := len(ch.guests); n == 0 || n < churnGuests && rand.IntN(2) == 0 {
		k := ch.c.consumer(ch.c.config(ch.topic, ch.more))
		if rand.IntN(2) == 0 {
			k.gate.Hold(gate.ReasonOperator)
		}
		k.start()
		eventually(ch.t, "the guest has joined", func() bool { return k.generation() > 0 })
		ch.mu.Lock()
		defer ch.mu.Unlock()
		ch.guests = append(ch.guests, k)
		return
	}
	ch.mu.Lock()
	i := rand.IntN(len(ch.guests))
	k := ch.guests[i]
	ch.guests = slices.Delete(ch.guests, i, i+1)
	ch.gone = append(ch.gone, k)
	ch.mu.Unlock()
	k.close()
}

func (ch *churn) produce() {
	p := rand.IntN(churnPartitions)
	ch.c.produce(ch.topic, int32(p), ch.sent[p], ch.sent[p]+churnRecords)
	ch.sent[p] += churnRecords
}

// members are those of the group now.
func (ch *churn) members() []*consumer {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return append([]*consumer{ch.stable}, ch.guests...)
}

// flipGates pauses and resumes members at any moment.
func (ch *churn) flipGates(stop <-chan struct{}) {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		members := ch.members()
		k := members[rand.IntN(len(members))]
		if k.gate.Paused() {
			k.gate.Release(gate.ReasonOperator)
		} else {
			k.gate.Hold(gate.ReasonOperator)
		}
	}
}

// watchPauses checks that what the client has paused is what the member owns
// while it is paused, and nothing else.
func (ch *churn) watchPauses(stop <-chan struct{}) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		for _, k := range ch.members() {
			if want, got := k.pauses(); !assert.Equal(ch.t, want, got, "partitions paused by the client") {
				return
			}
		}
	}
}

// settle resumes everybody and waits until all is delivered.
func (ch *churn) settle() {
	want := 0
	for _, n := range ch.sent {
		want += n
	}
	for _, k := range ch.members() {
		k.gate.Release(gate.ReasonOperator)
	}
	eventually(ch.t, "all is delivered", func() bool {
		total := 0
		for _, k := range append(ch.members(), ch.gone...) {
			total += k.total()
		}
		return total >= want
	})
	for _, k := range ch.members() {
		require.Empty(ch.t, k.paused(), "nothing stays paused")
	}
}

func (ch *churn) requireEachValueOnce() {
	for _, k := range ch.members() {
		k.close() // what would be delivered twice has been by then
	}
	for p, n := range ch.sent {
		got := []int{}
		for _, k := range append(ch.members(), ch.gone...) {
			got = append(got, k.got(p)...)
		}
		slices.Sort(got)
		require.Equal(ch.t, append([]int{}, upTo(0, n)...), got, "partition %d", p)
	}
}

// pauses returns the partitions that should be paused and those that are, at
// one moment. After the session it returns nothing.
func (k *consumer) pauses() (want, got []topicPartition) {
	s := k.in.session.Load()
	if s == nil {
		return nil, nil
	}
	a := s.assignment
	a.mu.Lock()
	defer a.mu.Unlock()
	each(s.client.PauseFetchPartitions(nil), func(tp topicPartition) { got = append(got, tp) })
	for tp, p := range a.owned {
		if a.paused || p.idle != 0 {
			want = append(want, tp)
		}
	}
	byNumber := func(x, y topicPartition) int { return int(x.partition - y.partition) }
	slices.SortFunc(want, byNumber)
	slices.SortFunc(got, byNumber)
	return want, got
}
