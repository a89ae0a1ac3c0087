package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

var (
	withNATS    = needs("NATS server", func(s *Scene) bool { return s.NATS != nil })
	withCluster = needs("cluster of NATS", func(s *Scene) bool { return s.Cluster != nil && len(s.Streams) > 0 })
	withKafka   = needs("Apache Kafka", func(s *Scene) bool { return s.Kafka != nil && s.Kafka.Fake() == "" })
)

var natsFaults = []Fault{
	{
		Name: "nats.stop", Cannot: withNATS,
		Begin: func(_ context.Context, s *Scene) error {
			s.natsBroken()
			s.NATS.Stop()
			return nil
		},
		End: func(_ context.Context, s *Scene) error { return s.NATS.Start() },
	},
	{
		Name: "cluster.leader-lost", Cannot: withCluster,
		Begin: func(ctx context.Context, s *Scene) error {
			stream := s.Streams[len(s.Streams)-1]
			info, err := stream.info(ctx)
			if err != nil {
				return err
			}
			node := 0
			if info.Cluster != nil {
				node = max(0, s.Cluster.Index(info.Cluster.Leader))
			}
			s.note(model.SourceBroken, stream.Source)
			s.Cluster.Stop(node)
			return nil
		},
		End: func(_ context.Context, s *Scene) error {
			for i := range s.Cluster.URLs() { // those that run stay as they are
				if err := s.Cluster.Start(i); err != nil {
					return err
				}
			}
			return s.Cluster.AwaitLeader()
		},
	},
	{
		Name: "cluster.step-down", Cannot: withCluster,
		Begin: func(ctx context.Context, s *Scene) error {
			stream := s.Streams[len(s.Streams)-1]
			s.note(model.SourceBroken, stream.Source)
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			for _, what := range []string{
				"$JS.API.STREAM.LEADER.STEPDOWN." + stream.Config.Name,
				"$JS.API.CONSUMER.LEADER.STEPDOWN." + stream.Config.Name + "." + stream.Consumer,
			} {
				if _, err := stream.JS.Conn().RequestWithContext(ctx, what, nil); err != nil {
					return fmt.Errorf("asking a leader to step down: %w", err)
				}
			}
			return nil
		},
	},
}

var kafkaFaults = []Fault{
	{
		Name: "kafka.stall", Cannot: withKafka, Brief: true,
		Begin: func(_ context.Context, s *Scene) error {
			s.note(model.SourceBroken, s.KafkaFeed)
			return s.Kafka.Stall()
		},
		End: func(_ context.Context, s *Scene) error { return s.Kafka.Continue() },
	},
	{
		Name: "kafka.kill", Cannot: withKafka,
		Begin: func(_ context.Context, s *Scene) error {
			s.note(model.SourceBroken, s.KafkaFeed)
			return s.Kafka.Kill()
		},
		End: func(ctx context.Context, s *Scene) error { return s.Kafka.Start(ctx) },
	},
	{
		Name: "kafka.stop", Cannot: withKafka,
		Begin: func(_ context.Context, s *Scene) error {
			s.note(model.SourceBroken, s.KafkaFeed)
			return s.Kafka.Stop()
		},
		End: func(ctx context.Context, s *Scene) error { return s.Kafka.Start(ctx) },
	},
}
