package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// Two bridges of one queue group and one consumer group share the load: each
// takes a part, and no record is stored twice.
func TestTwoBridgesShareTheLoad(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	bridges := []*bridge{r.start().ready(), r.start().ready()}
	r.awaitMembers(len(bridges))
	r.publish(marketdata.Ticks, 12_000)
	r.publish(marketdata.External, 12_000)
	for _, kind := range []marketdata.Kind{marketdata.Ticks, marketdata.External} {
		n := r.awaitStored(kind, 12_000)
		assert.Zero(t, n.Duplicated(), "duplicated %s", kind)
		var parts []int64
		for _, b := range bridges {
			h := b.until("it has settled everything", func(h harness.Health) bool { return h.Metrics.Backpressure.Level == 0 })
			accepted := h.Inputs[labels[kind]].Accepted
			assert.Positive(t, accepted, "%s", kind)
			parts = append(parts, accepted)
		}
		t.Logf("%s: shared as %v", kind, parts)
		assert.EqualValues(t, 12_000, parts[0]+parts[1])
	}
}

// awaitMembers waits until the rig's consumer group has n members, each with
// partitions.
func (r *rig) awaitMembers(n int) {
	r.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Addr()))
	require.NoError(r.t, err)
	defer client.Close()
	ctx := within(r.t)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		groups, err := kadm.NewClient(client).DescribeGroups(ctx, r.id)
		if err == nil && groups[r.id].State == "Stable" && withPartitions(groups[r.id].Members) == n {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			require.FailNow(r.t, "the group is not complete", "%d members wanted, have %v (%v)", n, groups, err)
		}
	}
}

func withPartitions(members []kadm.DescribedGroupMember) (n int) {
	for _, m := range members {
		if a, ok := m.Assigned.AsConsumer(); ok && len(a.Topics) > 0 {
			n++
		}
	}
	return n
}
