package kafka

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// companion is a broker that takes nothing of a request in which a partition is that
// spoils it, and does not say which one that is. It writes down who was in a request
// with whom.
type companion struct {
	spoils   int32 // below zero when none does
	requests [][]int32
}

func (c *companion) send(_ context.Context, said announcements, _ func(*partition) bool) (map[*partition]error, error) {
	var members []int32
	spoilt := false
	for p := range said {
		spoilt = spoilt || p.partition == c.spoils
	}
	answers := map[*partition]error{}
	for n := range int32(3) {
		for p := range said {
			if p.partition != n {
				continue
			}
			members = append(members, n)
			if answers[p] = nil; spoilt {
				answers[p] = kerr.InvalidCommitOffsetSize
			}
		}
	}
	c.requests = append(c.requests, members)
	return answers, nil
}

// A partition that spoils a request is found out once. From then on it is committed
// apart, and holds nobody up, until its commit is taken.
func TestAPartitionThatSpoilsRequestsIsCommittedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, log := testAssignment(), service.MockResources().Logger()
		a.once = true
		a.assign(newLedger(), map[string][]int32{"t": {0, 1, 2}})
		broker := &companion{spoils: 1}
		c := &committer{send: broker.send, assignment: a, link: &link{board: &status.Link{}, log: log}, log: log}
		offset := int64(0)
		commit := func() [][]int32 {
			offset++
			for _, p := range a.owned {
				p.intent.settle(kgo.EpochOffset{Offset: offset})
			}
			broker.requests = nil
			require.NoError(t, c.progress(t.Context()))
			return broker.requests
		}
		assert.Equal(t, [][]int32{{0, 1, 2}, {0}, {1}, {2}}, commit(), "nobody knows who it is")
		assert.Equal(t, [][]int32{{0, 2}}, commit(), "it rests, the others are together again")
		for range 3 {
			time.Sleep(refusedMax)
			assert.Equal(t, [][]int32{{0, 2}, {1}}, commit(), "it spoils no request of others")
		}
		broker.spoils = -1
		time.Sleep(refusedMax)
		assert.Equal(t, [][]int32{{0, 2}, {1}}, commit())
		assert.Equal(t, [][]int32{{0, 1, 2}}, commit(), "it was taken: one request for all")
	})
}
