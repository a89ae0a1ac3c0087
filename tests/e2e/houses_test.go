package e2e

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// houses are the ClickHouse servers of the tests. A test has one for itself, as it
// may stall or stop it, and leaves it to another one when it ends: there are as many
// as tests run beside each other.
var houses struct {
	sync.Mutex
	all  []stack.ClickHouse
	idle map[string][]stack.ClickHouse // by kind
}

// ownClickHouse is a server of the kind with the tables of the shipped pipelines,
// for this test alone until it ends.
func ownClickHouse(t *testing.T, kind string) stack.ClickHouse {
	t.Helper()
	ch := idleHouse(kind)
	if ch == nil {
		var err error
		ch, err = stack.StartClickHouse(context.WithoutCancel(t.Context()), kind, stack.ClickHouseOptions{})
		require.NoError(t, err)
		keepHouse(ch)
	}
	t.Cleanup(func() {
		if !t.Failed() { // else nobody knows how it was left
			leaveHouse(kind, ch)
		}
	})
	require.NoError(t, stack.ApplySQL(within(t), ch, "config/sql"))
	return ch
}

func idleHouse(kind string) stack.ClickHouse {
	houses.Lock()
	defer houses.Unlock()
	idle := houses.idle[kind]
	if len(idle) == 0 {
		return nil
	}
	houses.idle[kind] = idle[1:]
	return idle[0]
}

func leaveHouse(kind string, ch stack.ClickHouse) {
	houses.Lock()
	defer houses.Unlock()
	if houses.idle == nil {
		houses.idle = map[string][]stack.ClickHouse{}
	}
	houses.idle[kind] = append(houses.idle[kind], ch)
}

func keepHouse(ch stack.ClickHouse) {
	houses.Lock()
	defer houses.Unlock()
	houses.all = append(houses.all, ch)
}

// closeHouses ends all of them and removes their data.
func closeHouses() (err error) {
	houses.Lock()
	defer houses.Unlock()
	for _, ch := range houses.all {
		err = errors.Join(err, ch.Close())
	}
	return err
}
