package nats

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// The node that the input is connected to stops: it goes on at another one,
// and what is published from then on arrives, all of it.
func TestGoesOnAtAnotherNodeOfTheCluster(t *testing.T) {
	t.Parallel()
	c, err := stack.StartNATSCluster(3)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	r := newRigAt(t, strings.Join(c.URLs(), ","), "")
	connect(t, r.in)
	conn := r.in.session.conn
	r.pub = conn // published where it is subscribed: no route of the cluster is in between
	r.publish("feed.a", 0, 100)
	assert.Equal(t, numbers(0, 100), r.readN(100))

	from := 100
	for stops := range 2 {
		node := c.Index(conn.ConnectedUrl())
		require.GreaterOrEqual(t, node, 0, conn.ConnectedUrl())
		c.Stop(node)
		eventually(t, func() bool { return conn.IsConnected() && c.Index(conn.ConnectedUrl()) != node },
			func() string { return fmt.Sprint(conn.Status(), " at ", conn.ConnectedUrl()) })
		eventually(t, linkIs(r, true), linkState(r))
		eventually(t, func() bool { return len(r.log.lines("NATS connection is back")) == stops+1 }, r.log.String)
		require.NoError(t, conn.FlushTimeout(patience), "the node has the subscriptions")
		r.publish("feed.a", from, from+100)
		assert.Equal(t, numbers(from, from+100), r.readN(100))
		from += 100
		require.NoError(t, c.Start(node))
	}
	r.balanced(int64(from))
	assert.Len(t, r.log.lines("NATS connection lost"), 2)
	assert.Len(t, r.log.lines("NATS connection is back"), 2)
}
