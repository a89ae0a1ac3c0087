package kafka

import (
	"errors"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// remake deletes a topic and creates it again.
func (c *cluster) remake(topic string, partitions int32) {
	c.t.Helper()
	resp, err := c.admin.DeleteTopic(c.t.Context(), topic)
	require.NoError(c.t, err)
	require.NoError(c.t, resp.Err)
	eventually(c.t, "it is gone", func() bool {
		l, err := c.admin.ListTopics(c.t.Context(), topic)
		return err == nil && errors.Is(l[topic].Err, kerr.UnknownTopicOrPartition)
	})
	c.client.PurgeTopicsFromClient(topic)
	c.create(topic, partitions)
}

// A topic that was made anew is read by itself, from its start, whatever start_offset
// says and however far the old one was read; what nobody had read of the old one is
// counted. The other topic loses and repeats nothing.
func TestATopicMadeAnewIsReadByItself(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		topic, other := c.topic(1), c.prefix+"-other"
		c.create(other, 1)
		c.commit(topic, 0)
		c.commit(other, 0)
		k := c.consumer(c.config(topic+","+other, quickLag+"\nstart_offset: latest\n"+more))
		k.start()
		c.produce(topic, 0, 0, 50)
		c.produce(other, 0, 1000, 1010)
		eventually(t, "all is delivered", func() bool { return k.total() == 60 })
		eventually(t, "all is committed", func() bool { return c.committed(c.group(), topic, 0) == 50 })
		k.lagWhen(t, 0)
		c.remake(topic, 1)
		c.produce(topic, 0, 100, 120)
		eventually(t, "the new topic is delivered", func() bool { return k.total() == 80 })
		c.produce(topic, 0, 120, 130)
		c.produce(other, 0, 1010, 1015)
		eventually(t, "it goes on", func() bool { return k.total() == 95 })
		require.Zero(t, k.lost(), "all of the old one had been read")
		require.True(t, k.in.stats.Link.State().Connected)
		eventually(t, "it is committed", func() bool { return c.committed(c.group(), topic, 0) == 30 })
	})
}

func TestWhatWasNotReadOfATopicMadeAnewIsCounted(t *testing.T) {
	a := testAssignment()
	a.assign(newLedger(), one)
	a.owned[tp1].begin(10)
	require.Empty(t, a.examine(listed(0), listed(100), true))
	_, receipts := handOut(a, polled(1, 10, 11, 12))
	require.Equal(t, []loss{{tp1, 13, 100, lossAnew}}, a.gone([]string{"t"}))
	for range 3 { // the session ends when what is in flight is answered, and looks meanwhile
		require.Empty(t, a.examine(listed(0), listed(5), true), "counted once")
		require.Empty(t, a.examine(listed(50), listed(50), true), "counted once")
	}
	a.settle(receipts, true)
	require.Empty(t, a.client.(*ledger).marked, "an offset of the old topic means nothing in the new one")
}

// A commit that a member wrote of the old topic does not hide records of the new one.
func TestALateCommitOfTheOldTopicIsNotTrusted(t *testing.T) {
	ids := newTopicIDs()
	topic := func(id byte) kadm.TopicDetails { return kadm.TopicDetails{"t": {Topic: "t", ID: kadm.TopicID{id}}} }
	require.Empty(t, ids.observe(topic(1)))
	require.False(t, ids.first(tp1, true))
	require.Empty(t, ids.observe(kadm.TopicDetails{"t": {Topic: "t", Err: kerr.UnknownTopicOrPartition}}))
	require.Equal(t, []string{"t"}, ids.observe(topic(2)))
	require.True(t, ids.first(tp1, true))
	require.False(t, ids.first(tp1, true), "later commits are of the new one")
	require.True(t, ids.first(tp1, false))
	ids.anew["t"].seen = time.Now().Add(-2 * lateCommits)
	require.False(t, ids.first(topicPartition{"t", 2}, true))
}

// While a topic is away, or may not be read, it is asked for rarely; afterwards its
// partitions are fetched again, and one that nothing comes to is well again too.
func TestAPartitionThatMayNotBeReadRests(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	seen := &requests{}
	c := newCluster(t, fake.ListenAddrs())
	topic, other := c.topic(1), c.prefix+"-other"
	c.create(other, 1)
	c.produce(topic, 0, 0, 10)
	k := c.consumer(c.config(topic+","+other, "fetch_max_wait: 50ms"))
	k.start()
	eventually(t, "all is delivered", func() bool { return k.total() == 10 })

	allow := c.deny(fake, topic, seen)
	eventually(t, "the input says so", func() bool { return errors.Is(k.in.stats.Link.State().Err, kerr.TopicAuthorizationFailed) })
	c.produce(other, 0, 10, 20)
	eventually(t, "the other topic goes on", func() bool { return k.total() == 20 })
	eventually(t, "it was tried from outside", func() bool { return k.in.session.Load().rests.waitOf(topicPartition{topic, 0}) > 4*restInitial })
	require.Less(t, seen.denied(), 30, "fetches while it rests")
	require.False(t, k.in.stats.Link.State().Connected)

	allow()
	eventually(t, "it is well again, although nothing comes", func() bool { return k.in.stats.Link.State().Connected })
	c.produce(topic, 0, 20, 30)
	eventually(t, "it goes on", func() bool { return k.total() == 30 })
}

// deny makes the broker refuse fetches of a topic until allow is called. It forgets what
// was fetched so far: in a fetch session the client names only what has changed.
func (c *cluster) deny(fake *kfake.Cluster, topic string, seen *requests) (allow func()) {
	c.t.Helper()
	details, err := c.admin.ListTopics(c.t.Context(), topic)
	require.NoError(c.t, err)
	id := details[topic].ID
	denying := make(chan struct{})
	fake.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		select {
		case <-denying:
			return nil, nil, false
		default:
		}
		fetch := req.(*kmsg.FetchRequest)
		resp := fetch.ResponseKind().(*kmsg.FetchResponse)
		if fetch.SessionEpoch > 0 {
			resp.ErrorCode = kerr.FetchSessionIDNotFound.Code
			return resp, nil, true
		}
		for _, t := range fetch.Topics {
			if t.TopicID != [16]byte(id) && t.Topic != topic {
				continue
			}
			seen.note(req)
			rt := kmsg.NewFetchResponseTopic()
			rt.Topic, rt.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				rp := kmsg.NewFetchResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, kerr.TopicAuthorizationFailed.Code
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, len(resp.Topics) > 0
	})
	return func() { close(denying) }
}

func (r *requests) note(req kmsg.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, req)
}

func (r *requests) denied() int { return countOf[*kmsg.FetchRequest](r) }

// waitOf is how long a partition rests at present.
func (r *rests) waitOf(tp topicPartition) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if one := r.by[tp]; one != nil {
		return one.wait
	}
	return 0
}

// A pause and a rest do not end one another.
func TestARestOutlastsAPauseAndAPauseARest(t *testing.T) {
	a, l := testAssignment(), newLedger()
	a.assign(l, both)
	a.idle(tp1, idleFetch)
	a.pause()
	a.resume()
	require.Equal(t, map[topicPartition]bool{tp1: true}, l.paused)
	a.pause()
	a.wake(tp1, idleFetch)
	require.Len(t, l.paused, 2)
	a.resume()
	require.Empty(t, l.paused)
}

// A batch that cannot be read is no matter of the brokers: only a record tells that
// it is over.
func TestAnErrorOfTheClientLastsUntilARecordComes(t *testing.T) {
	a, l := testAssignment(), newLedger()
	a.assign(l, one)
	lk := &link{board: &status.Link{}, log: service.MockResources().Logger()}
	lk.up()
	r := newRests(a, lk, nil)
	r.add(tp1, errors.New("a batch is corrupt"))
	require.True(t, l.paused[tp1])
	r.attend([]topicPartition{tp1}, nil)
	require.Empty(t, l.paused)
	require.False(t, lk.board.State().Connected)
	r.add(tp1, errors.New("a batch is corrupt"))
	require.Equal(t, 2*restInitial, r.waitOf(tp1), "it rests longer each time")
	r.attend([]topicPartition{tp1}, nil)
	chunks := resolve(a, polled(1, 4))
	lk.deliver(chunks)
	r.deliver(chunks)
	require.True(t, lk.board.State().Connected)
	require.Zero(t, r.waitOf(tp1))
}
