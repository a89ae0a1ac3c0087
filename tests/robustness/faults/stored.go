package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

var (
	withTopic  = needs("topic", func(s *Scene) bool { return s.Topic != nil })
	withStream = needs("stream", func(s *Scene) bool { return len(s.Streams) > 0 })
)

var topicFaults = []Fault{
	{Name: "topic.trim", Cannot: withTopic, Begin: func(ctx context.Context, s *Scene) error {
		return s.Topic.Feed.Quietly(func() error { return s.trim(ctx) })
	}},
	{Name: "topic.anew", Cannot: withTopic, Begin: func(ctx context.Context, s *Scene) error {
		return s.Topic.Feed.Quietly(func() error { return s.remakeTopic(ctx) })
	}},
	{Name: "topic.grow", Cannot: withTopic, Begin: func(ctx context.Context, s *Scene) error {
		return s.Topic.Feed.Quietly(func() error { return s.grow(ctx) })
	}},
}

// trim deletes all that the topic has.
func (s *Scene) trim(ctx context.Context) error {
	t := s.Topic
	ends, err := t.Admin.ListEndOffsets(ctx, t.Name)
	if err != nil {
		return fmt.Errorf("looking for the ends of %s: %w", t.Name, err)
	}
	ends.Each(func(o kadm.ListedOffset) {
		e := s.note(model.Trimmed, t.Source)
		e.Part, e.Position, e.Epoch = int(o.Partition), o.Offset, t.epoch
	})
	deleted, err := t.Admin.DeleteRecords(ctx, ends.Offsets())
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return fmt.Errorf("trimming %s: %w", t.Name, err)
	}
	return nil
}

// grow adds a partition, and waits until it is there.
func (s *Scene) grow(ctx context.Context) error {
	t := s.Topic
	if _, err := t.Admin.CreatePartitions(ctx, 1, t.Name); err != nil {
		return fmt.Errorf("adding a partition to %s: %w", t.Name, err)
	}
	t.Partitions++
	if err := t.await(ctx); err != nil {
		return err
	}
	t.Feed.Renew()
	t.Feed.Grow(int(t.Partitions))
	return nil
}

// await waits until all partitions have a leader.
func (t *Topic) await(ctx context.Context) error {
	for {
		topics, err := t.Admin.ListTopics(ctx, t.Name)
		led := 0
		for _, p := range topics[t.Name].Partitions {
			if p.Err == nil && p.Leader >= 0 {
				led++
			}
		}
		if err == nil && led == int(t.Partitions) {
			return nil
		}
		if err := Sleep(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for the partitions of %s: %w", t.Name, err)
		}
	}
}

func (s *Scene) remakeTopic(ctx context.Context) error {
	t := s.Topic
	e := s.note(model.Remade, t.Source)
	e.Epoch = t.Feed.Anew()
	t.epoch = e.Epoch + 1
	t.Feed.Renew()
	if _, err := t.Admin.DeleteTopic(ctx, t.Name); err != nil {
		return fmt.Errorf("deleting %s: %w", t.Name, err)
	}
	for { // until it is gone
		_, err := t.Admin.CreateTopic(ctx, t.Partitions, 1, t.Configs, t.Name)
		if err == nil {
			return t.await(ctx)
		}
		if err := Sleep(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("creating %s again: %w", t.Name, err)
		}
	}
}

var streamFaults = []Fault{
	{Name: "stream.purge", Cannot: withStream, Begin: func(ctx context.Context, s *Scene) error {
		return s.eachStream(func(t *Stream) error {
			info, err := t.info(ctx)
			if err != nil {
				return err
			}
			e := s.note(model.Trimmed, t.Source)
			e.Position, e.Epoch = int64(info.State.LastSeq)+1, t.epoch
			stream, err := t.JS.Stream(ctx, t.Config.Name)
			if err != nil {
				return fmt.Errorf("purging %s: %w", t.Config.Name, err)
			}
			return stream.Purge(ctx)
		})
	}},
	{Name: "stream.anew", Cannot: withStream, Begin: func(ctx context.Context, s *Scene) error {
		return s.eachStream(func(t *Stream) error {
			e := s.note(model.Remade, t.Source)
			e.Epoch = t.Feed.Anew()
			t.epoch = e.Epoch + 1
			if err := t.JS.DeleteStream(ctx, t.Config.Name); err != nil {
				return fmt.Errorf("deleting %s: %w", t.Config.Name, err)
			}
			if _, err := t.JS.CreateStream(ctx, t.Config); err != nil {
				return fmt.Errorf("creating %s again: %w", t.Config.Name, err)
			}
			return nil
		})
	}},
	{Name: "stream.consumer-gone", Cannot: withStream, Begin: func(ctx context.Context, s *Scene) error {
		return s.eachStream(func(t *Stream) error {
			s.note(model.ConsumerGone, t.Source)
			if err := t.JS.DeleteConsumer(ctx, t.Config.Name, t.Consumer); err != nil {
				return fmt.Errorf("deleting the consumer of %s: %w", t.Config.Name, err)
			}
			return nil
		})
	}},
}

// eachStream acts on every stream while nothing is on its way to it.
func (s *Scene) eachStream(act func(t *Stream) error) error {
	for _, t := range s.Streams {
		if err := t.Feed.Quietly(func() error { return act(t) }); err != nil {
			return err
		}
	}
	return nil
}

func (t *Stream) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	stream, err := t.JS.Stream(ctx, t.Config.Name)
	if err != nil {
		return nil, fmt.Errorf("looking at %s: %w", t.Config.Name, err)
	}
	return stream.CachedInfo(), nil
}

var tableFaults = []Fault{
	{Name: "table.alter", Begin: func(ctx context.Context, s *Scene) error {
		for _, t := range s.Tables {
			t.columns++
			if err := s.House.Exec(ctx, fmt.Sprintf("ALTER TABLE %s ADD COLUMN x%d UInt8 DEFAULT 7", t.Name, t.columns)); err != nil {
				return err
			}
		}
		return nil
	}},
	{
		Name: "table.away",
		Begin: func(ctx context.Context, s *Scene) error {
			s.note(model.StoreRefuses, "")
			for _, t := range s.Tables {
				old := fmt.Sprintf("%s_%d", t.Name, len(t.Old)+1)
				if err := s.House.Exec(ctx, "RENAME TABLE "+t.Name+" TO "+old); err != nil {
					return err
				}
				t.Old = append(t.Old, old)
			}
			return nil
		},
		End: func(ctx context.Context, s *Scene) error {
			for _, t := range s.Tables {
				if err := s.House.Exec(ctx, t.Create); err != nil {
					return err
				}
			}
			return nil
		},
	},
}

// Sleep waits, and returns early, with the error of ctx, when that ends.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
