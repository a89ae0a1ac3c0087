package kafka

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A member whose heartbeats break is told by its client that its partitions are lost, and
// so is one that leaves meanwhile. To the brokers they are not: what was settled is
// committed, and comes to nobody again.
func TestABrokenHeartbeatCostsNothingThatWasSettled(t *testing.T) {
	for name, more := range map[string]string{"at least once": "batch: {count: 5}", "exactly once": once(5, 10*time.Millisecond)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, c := startFake(t)
			var broken atomic.Int64
			var due atomic.Bool
			fake.ControlKey(int16(kmsg.Heartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
				fake.KeepControl()
				if !due.Load() {
					return nil, nil, false
				}
				broken.Add(1)
				return nil, errors.New("the connection breaks"), true
			})
			topic := c.topic(1)
			c.produce(topic, 0, 0, 20)
			k := c.consume(topic, true, more+"\ncommit_period: 1h")
			eventually(t, "it delivers", func() bool { return k.total() == 20 })
			k.ackAll()
			due.Store(true)
			eventually(t, "a heartbeat breaks", func() bool { return broken.Load() > 0 })
			k.close()
			require.EqualValues(t, 20, c.committed(c.group(), topic, 0))
		})
	}
}
