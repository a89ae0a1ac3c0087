package stack

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNATSClusterSurvivesTheStopOfANode(t *testing.T) {
	c, err := StartNATSCluster(3)
	require.NoError(t, err)
	closing(t, c)
	require.Len(t, c.URLs(), 3)
	ctx := within(t, patience)

	nc, err := c.Connect()
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	stream, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}, Replicas: 3})
	require.NoError(t, err)
	_, err = js.Publish(ctx, "s.1", []byte("kept"))
	require.NoError(t, err)
	leader := c.Index(stream.CachedInfo().Cluster.Leader)
	require.GreaterOrEqual(t, leader, 0)
	require.Equal(t, leader, c.Index(c.URLs()[leader]))
	nc.Close()

	c.Stop(leader)
	require.NoError(t, c.AwaitLeader())
	nc, err = c.Connect()
	require.NoError(t, err)
	defer nc.Close()
	assert.NotEqual(t, leader, c.Index(nc.ConnectedUrl()))
	js, err = jetstream.New(nc)
	require.NoError(t, err)
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // a request during the election may get no answer
		defer cancel()
		stream, err := js.Stream(ctx, "S")
		require.NoError(t, err)
		msg, err := stream.GetMsg(ctx, 1)
		require.NoError(t, err)
		assert.Equal(t, "kept", string(msg.Data))
	}, patience, 50*time.Millisecond)

	require.NoError(t, c.Start(leader))
	require.NoError(t, c.AwaitLeader(), "the node is back")
}
