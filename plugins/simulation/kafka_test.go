//go:build synctests

package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	topic = "t"
	group = "g"
	feed  = "feed" // the process that publishes
)

func source(partition int) string { return fmt.Sprint("k", partition) }

// startBroker starts a Kafka of one broker, which meets the faults of its points.
func (w *world) startBroker() error {
	var err error
	w.broker, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.ListenFn(w.wires.Listen), kfake.SeedTopics(int32(w.script.settings.partitions), topic)) //nolint:gosec // a few
	if err != nil {
		return err
	}
	for key, point := range map[kmsg.Key]string{kmsg.OffsetCommit: pointCommit, kmsg.Fetch: pointFetch, kmsg.Heartbeat: pointHeartbeat} {
		w.broker.ControlKey(int16(key), func(req kmsg.Request) (kmsg.Response, error, bool) {
			w.broker.KeepControl()
			return w.control(point, req)
		})
	}
	w.feed, err = kgo.NewClient(kgo.SeedBrokers(w.broker.ListenAddrs()...), kgo.Dialer(w.wires.dialer(feed)), kgo.ProducerLinger(0),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableIdempotentWrite(), kgo.RequiredAcks(kgo.LeaderAck()))
	return err
}

func (w *world) control(point string, req kmsg.Request) (kmsg.Response, error, bool) { //nolint:revive // the order is kfake's
	if commit, ok := req.(*kmsg.OffsetCommitRequest); ok {
		w.see(commit)
	}
	f := w.meet(point)
	if f == nil {
		return nil, nil, false
	}
	switch f.act {
	case actRefuse:
		if commit, ok := req.(*kmsg.OffsetCommitRequest); ok {
			return refusedCommit(commit, int16(f.code)), nil, true //nolint:gosec // a small number
		}
		return nil, errCut, true
	case actLose: // what it is answered is still on its way then
		time.AfterFunc(1, func() { w.wires.cut("", w.broker.ListenAddrs()[0]) })
		return nil, nil, false
	case actStall:
		return nil, nil, true
	case actDelay:
		w.broker.SleepControl(func() { time.Sleep(f.delay) })
		return nil, nil, false
	}
	return nil, errCut, true
}

// see checks a commit, before it is known what becomes of it.
func (w *world) see(req *kmsg.OffsetCommitRequest) {
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			w.committed(source(int(p.Partition)), int(p.Offset))
		}
	}
}

func refusedCommit(req *kmsg.OffsetCommitRequest, code int16) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.OffsetCommitResponse) //nolint:forcetypeassert // it is one
	for _, t := range req.Topics {
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetCommitResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// sessionTimeout is after how long a broker takes a member for gone that says nothing.
const sessionTimeout = 45 * time.Second

// expire lets members leave that are processes which are gone, where the broker has
// forgotten to: it does not, of those that were killed while they joined.
func (w *world) expire() {
	info := w.broker.GroupInfo(group)
	if info == nil || w.now() < horizon+2*sessionTimeout {
		return
	}
	for _, m := range info.Members {
		if slices.ContainsFunc(w.all, func(p *process) bool { return p.name == m.ClientID && p.gone.Load() }) {
			req := kmsg.NewPtrLeaveGroupRequest()
			req.Group = group
			member := kmsg.NewLeaveGroupRequestMember()
			member.MemberID = m.MemberID
			req.MemberID, req.Members = m.MemberID, append(req.Members, member)
			_, err := req.RequestWith(context.Background(), w.feed)
			w.note("%s is taken for gone: %v", m.ClientID, err)
		}
	}
}

// publish adds records to a partition.
func (w *world) publish(e *event) error {
	var list []*kgo.Record
	w.mu.Lock()
	name := source(e.part)
	for range e.n {
		r := record{name, w.next[name]}
		w.next[name]++
		body := fmt.Sprintf(`{"source":%q,"n":%d}`, r.source, r.n)
		switch e.verb {
		case verbPoison: // it is negative
			body = fmt.Sprintf(`{"source":%q,"n":%d}`, r.source, -r.n-1)
			w.bad[r] = true
		case verbToxic:
			w.bad[r], w.toxics[r] = true, true
		}
		list = append(list, &kgo.Record{Topic: topic, Partition: int32(e.part), Value: []byte(body)}) //nolint:gosec // a few
	}
	w.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	return w.feed.ProduceSync(ctx, list...).FirstErr()
}

// allCommitted reports whether the group has committed all there is.
func (w *world) allCommitted() bool {
	info := w.broker.GroupInfo(group)
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range w.script.settings.partitions {
		if n := w.next[source(p)]; n > 0 && (info == nil || info.Commits[topic][int32(p)].Offset != int64(n)) { //nolint:gosec // a few
			return false
		}
	}
	return true
}
