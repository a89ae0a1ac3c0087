package kafka

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

func TestStreamFromYAML(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(3)
		for p := range int32(3) {
			c.produce(topic, p, 0, 100)
		}
		b := service.NewStreamBuilder()
		require.NoError(t, b.SetLoggerYAML("level: none"))
		require.NoError(t, b.AddInputYAML("label: external\npausable_kafka:\n  "+
			strings.ReplaceAll(strings.TrimSpace(c.config(topic, "")), "\n", "\n  ")))
		var mu sync.Mutex
		seen := 0
		require.NoError(t, b.AddBatchConsumerFunc(func(_ context.Context, batch service.MessageBatch) error {
			mu.Lock()
			defer mu.Unlock()
			seen += len(batch)
			return nil
		}))
		stream, err := b.Build()
		require.NoError(t, err)
		ended := make(chan error, 1)
		go func() { ended <- stream.Run(context.Background()) }()
		eventually(t, "all is delivered", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return seen == 300
		})
		require.NoError(t, stream.StopWithin(20*time.Second))
		require.NoError(t, <-ended)
		for p := range int32(3) {
			require.EqualValues(t, 100, c.committed(c.group(), topic, p))
		}
	})
}
