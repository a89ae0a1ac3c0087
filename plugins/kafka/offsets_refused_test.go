package kafka

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// offsetsRefused is a broker that refuses to tell the group's commits of one topic.
type offsetsRefused struct {
	topic atomic.Pointer[string]
	ids   map[[16]byte]string
	asked atomic.Int64
}

func (r *offsetsRefused) control(fake *kfake.Cluster) {
	fake.ControlKey(int16(kmsg.OffsetFetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		req, topic, spoilt := kreq.(*kmsg.OffsetFetchRequest), r.topic.Load(), false
		if topic == nil {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.OffsetFetchResponse)
		for _, g := range req.Groups {
			rg := kmsg.NewOffsetFetchResponseGroup()
			rg.Group = g.Group
			for _, t := range g.Topics {
				rt := kmsg.NewOffsetFetchResponseGroupTopic()
				rt.Topic, rt.TopicID = t.Topic, t.TopicID
				mine := t.Topic == *topic || r.ids[t.TopicID] == *topic
				spoilt = spoilt || mine
				for _, p := range t.Partitions {
					rp := kmsg.NewOffsetFetchResponseGroupTopicPartition()
					rp.Partition, rp.Offset, rp.LeaderEpoch = p, -1, -1
					if mine {
						rp.ErrorCode = kerr.TopicAuthorizationFailed.Code
					}
					rt.Partitions = append(rt.Partitions, rp)
				}
				rg.Topics = append(rg.Topics, rt)
			}
			resp.Groups = append(resp.Groups, rg)
		}
		if spoilt {
			r.asked.Add(1)
		}
		return resp, nil, spoilt
	})
}

// A partition whose commits may not be read when it is assigned stops alone, says why,
// and is read when they may: the client itself does not ask again.
func TestARefusedReadOfCommitsStopsNoOtherPartition(t *testing.T) {
	for name, more := range map[string]string{"at least once": "", "exactly once": once(5, 10*time.Millisecond)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, c := startFake(t)
			topic, other := c.topic(1), c.prefix+"-other"
			c.create(other, 1)
			r := &offsetsRefused{ids: c.topicIDs(topic, other)}
			r.control(fake)
			r.topic.Store(&topic)
			c.produce(topic, 0, 0, 5)
			c.produce(other, 0, 1000, 1005)
			k := c.consume(topic+","+other, false, more)
			eventually(t, "the other topic is read", func() bool { return k.total() == 5 })
			eventually(t, "the input says why", func() bool { return errors.Is(k.in.stats.Link.State().Err, kerr.TopicAuthorizationFailed) })
			before := r.asked.Load()
			eventually(t, "it is tried again", func() bool { return r.asked.Load() > before+1 })
			require.Error(t, k.in.stats.Link.State().Err)
			c.produce(other, 0, 1005, 1010)
			eventually(t, "the other topic goes on", func() bool { return k.total() == 10 })

			r.topic.Store(nil)
			eventually(t, "it is read", func() bool { return k.total() == 15 })
			eventually(t, "the input is connected", func() bool { return k.in.stats.Link.State().Connected })
			c.produce(topic, 0, 5, 10)
			eventually(t, "and goes on", func() bool { return k.total() == 20 })
		})
	}
}
