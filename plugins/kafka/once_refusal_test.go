package kafka

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// commitsRefused is a broker that refuses commits of one topic, alone or, as brokers do
// that find a request too large, together with whatever is in the same request.
type commitsRefused struct {
	topic atomic.Pointer[string]
	ids   map[[16]byte]string
	code  int16
	whole bool
}

func (r *commitsRefused) control(fake *kfake.Cluster) {
	fake.ControlKey(int16(kmsg.OffsetCommit), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		req := kreq.(*kmsg.OffsetCommitRequest)
		topic, spoilt := r.topic.Load(), false
		if topic == nil {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
		for _, t := range req.Topics {
			rt := kmsg.NewOffsetCommitResponseTopic()
			rt.Topic, rt.TopicID = t.Topic, t.TopicID
			mine := t.Topic == *topic || r.ids[t.TopicID] == *topic
			spoilt = spoilt || mine
			for _, p := range t.Partitions {
				rp := kmsg.NewOffsetCommitResponseTopicPartition()
				rp.Partition = p.Partition
				if mine || r.whole {
					rp.ErrorCode = r.code
				}
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, spoilt
	})
}

// A topic whose commits are refused stops alone, says why, and goes on by itself.
func TestARefusedCommitStopsNoOtherPartition(t *testing.T) {
	for name, code := range map[string]int16{
		"may not be committed":        kerr.TopicAuthorizationFailed.Code,
		"spoils the request it is in": kerr.InvalidCommitOffsetSize.Code,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, c := startFake(t)
			topic, other := c.topic(1), c.prefix+"-other"
			c.create(other, 1)
			r := &commitsRefused{ids: c.topicIDs(topic, other), code: code, whole: code == kerr.InvalidCommitOffsetSize.Code}
			r.control(fake)
			k := c.consume(topic+","+other, false, once(5, 10*time.Millisecond))
			c.produce(topic, 0, 0, 5)
			c.produce(other, 0, 1000, 1005)
			eventually(t, "both are delivered and committed", func() bool { return c.committed(c.group(), topic, 0) == 5 && c.committed(c.group(), other, 0) == 5 })

			r.topic.Store(&topic)
			c.produce(topic, 0, 5, 10)
			for i := range 20 { // each of them in a request with what is refused, if there were one
				c.produce(other, 0, 1005+5*i, 1010+5*i)
				eventually(t, "the other topic goes on", func() bool { return k.total() == 15+5*i })
			}
			eventually(t, "the input says why", func() bool {
				err := k.in.stats.Link.State().Err
				return errors.Is(err, kerr.ErrorForCode(code))
			})
			require.ErrorContains(t, k.in.stats.Link.State().Err, topic)

			r.topic.Store(nil)
			eventually(t, "it goes on", func() bool { return k.total() == 115 })
			eventually(t, "the input is connected", func() bool { return k.in.stats.Link.State().Connected })
			c.produce(topic, 0, 10, 20)
			eventually(t, "it is fetched again", func() bool { return c.committed(c.group(), topic, 0) == 20 })
			require.Empty(t, k.paused())
		})
	}
}

// A rejected chunk holds its partition back, which is said when nothing more can come.
func TestARejectedChunkSaysWhatItHoldsBack(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(2)
		c.produce(topic, 0, 0, mostAhead*2+20)
		k := c.consume(topic, true, once(2, time.Hour))
		eventually(t, "as many as may are delivered", func() bool { return k.total() == mostAhead*2 })
		require.NoError(t, k.in.stats.Link.State().Err)
		for i, ack := range k.heldAcks() {
			var err error
			if i == 0 {
				err = errors.New("no")
			}
			require.NoError(t, ack(t.Context(), err))
		}
		c.produce(topic, 1, 0, 2) // lets the poller look
		eventually(t, "it says so", func() bool { return errors.Is(k.in.stats.Link.State().Err, errRejectedAhead) })
		require.Len(t, k.got(0), mostAhead*2)
		c.produce(topic, 1, 2, 10)
		eventually(t, "the other one goes on", func() bool { return len(k.got(1)) == 10 })
	})
}

// topicIDs are the names of topics by their ids.
func (c *cluster) topicIDs(topics ...string) map[[16]byte]string {
	c.t.Helper()
	details, err := c.admin.ListTopics(c.t.Context(), topics...)
	require.NoError(c.t, err)
	names := map[[16]byte]string{}
	for name, d := range details {
		names[[16]byte(d.ID)] = name
	}
	return names
}

// One of two topics is deleted while both are read exactly once, and made anew: the other
// goes on all the time, the new one is read from its start, and what was not read of the
// old one is counted.
func TestATopicOfExactlyOnceIsMadeAnew(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic, other := c.topic(1), c.prefix+"-other"
		c.create(other, 1)
		k := c.consumer(c.config(topic+","+other, quickLag+"\n"+once(10, 20*time.Millisecond)))
		k.start()
		c.produce(topic, 0, 0, 50)
		c.produce(other, 0, 1000, 1010)
		eventually(t, "all is delivered", func() bool { return k.total() == 60 })
		eventually(t, "all is committed", func() bool { return c.committed(c.group(), topic, 0) == 50 })
		k.lagWhen(t, 0)

		resp, err := c.admin.DeleteTopic(t.Context(), topic)
		require.NoError(t, err)
		require.NoError(t, resp.Err)
		for i := range 10 {
			c.produce(other, 0, 1010+10*i, 1020+10*i)
			eventually(t, "the other topic goes on", func() bool { return k.total() == 70+10*i })
		}
		eventually(t, "it is gone", func() bool {
			l, err := c.admin.ListTopics(t.Context(), topic)
			return err == nil && errors.Is(l[topic].Err, kerr.UnknownTopicOrPartition)
		})
		c.client.PurgeTopicsFromClient(topic)
		c.create(topic, 1)
		c.produce(topic, 0, 100, 120)
		eventually(t, "the new topic is delivered", func() bool { return k.total() == 180 })
		c.produce(other, 0, 1110, 1120)
		eventually(t, "both are committed", func() bool { return c.committed(c.group(), topic, 0) == 20 && c.committed(c.group(), other, 0) == 120 })
		require.Zero(t, k.lost(), "all of the old one had been read")
		eventually(t, "the input is connected", func() bool { return k.in.stats.Link.State().Connected })
	})
}

// What a late commit of the old topic announces is not formed in the new one.
func TestALateAnnouncementOfTheOldTopicIsNotTrusted(t *testing.T) {
	a, log := testAssignment(), service.MockResources().Logger()
	a.once = true
	a.assign(newLedger(), one)
	s := &session{
		conf: &config{group: "g", startOffset: startLatest}, assignment: a, committer: &committer{}, ids: newTopicIDs(),
		link: &link{board: &status.Link{}, log: log}, log: log,
	}
	for id := range byte(2) {
		s.ids.observe(kadm.TopicDetails{"t": {Topic: "t", ID: kadm.TopicID{id + 1}}})
	}
	s.restore(tp1, kmsg.OffsetFetchResponseGroupTopicPartition{Offset: 50, Metadata: kmsg.StringPtr("data-bridge/9 x")})
	require.Equal(t, barred, a.owned[tp1].intent.standing)
	offsets := s.fromTheStart(map[string]map[int32]kgo.Offset{"t": {1: kgo.NewOffset().At(50)}})
	require.Equal(t, kgo.NewOffset().AtStart(), offsets["t"][1])
	require.Equal(t, noAnnouncement(), a.owned[tp1].intent.said)
	require.True(t, a.owned[tp1].intent.room())
	require.Empty(t, a.client.(*ledger).paused)
	require.Empty(t, s.link.refused)
}

// A chunk that others announced, of which retention took the rest, ends with what came.
func TestAChunkThatRetentionCutIsDelivered(t *testing.T) {
	a := testAssignment()
	a.once = true
	a.assign(newLedger(), one)
	part := a.owned[tp1]
	a.restore(tp1, announcement{base: kgo.EpochOffset{Offset: 0}, ends: []int64{10, 15}})
	part.begin(0)
	f := &former{assignment: a, count: 3, bytes: 1 << 20, period: time.Hour, runs: map[*partition]*run{}, log: service.MockResources().Logger()}
	f.add(resolve(a, polled(1, 0, 1, 2)), time.Now())
	f.take(time.Now())
	require.Empty(t, a.deliverable())
	for range 2 { // nothing comes that could show it
		a.examine(listed(20), listed(20), true)
	}
	f.take(time.Now())
	chunks := a.deliverable()
	require.Len(t, chunks, 1)
	require.Len(t, chunks[0].records, 3)
	require.EqualValues(t, 10, chunks[0].end.Offset)
	require.Equal(t, []int64{10}, part.intent.said.ends, "nobody delivers the second one")
	_, receipts := a.handOut((&poller{assignment: a}).build(chunks))
	a.settle(receipts, true)
	require.Empty(t, part.intent.said.ends)
}

// A partition whose commit is not understood keeps no other from being read.
func TestAStrangeCommitStopsItsPartitionAlone(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(2)
		c.produce(topic, 0, 0, 10)
		c.produce(topic, 1, 0, 10)
		var offsets kadm.Offsets
		offsets.Add(kadm.Offset{Topic: topic, At: 4, LeaderEpoch: -1, Metadata: "data-bridge/9 x"})
		require.NoError(t, c.admin.CommitAllOffsets(t.Context(), c.group(), offsets))
		k := c.consume(topic, false, once(5, 10*time.Millisecond))
		eventually(t, "the other one is delivered", func() bool { return len(k.got(1)) == 10 })
		eventually(t, "it is committed", func() bool { return c.committed(c.group(), topic, 1) == 10 })
		require.Empty(t, k.got(0))
		require.ErrorIs(t, k.in.stats.Link.State().Err, errUnknownAnnouncement)
		require.EqualValues(t, 4, c.committed(c.group(), topic, 0))
	})
}

// A partition of which a hundred chunks are not settled keeps no other from being read.
func TestACrowdedPartitionStopsNoOther(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(2)
		c.produce(topic, 0, 0, mostAhead*2+20)
		k := c.consume(topic, true, once(2, time.Hour))
		eventually(t, "as many as may are delivered", func() bool { return len(k.got(0)) == mostAhead*2 })
		c.produce(topic, 1, 0, 10)
		eventually(t, "the other one is delivered", func() bool { return len(k.got(1)) == 10 })
		require.Len(t, k.got(0), mostAhead*2)
		k.ackAll()
		eventually(t, "it goes on", func() bool { return len(k.got(0)) == mostAhead*2+20 })
	})
}
