package stack

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNATSPublishAndSubscribe(t *testing.T) {
	nc, err := Shared.NATS(t).Connect()
	require.NoError(t, err)
	defer nc.Close()
	sub, err := nc.SubscribeSync("stack.test.>")
	require.NoError(t, err)
	require.NoError(t, nc.Publish("stack.test.a", []byte("hello")))
	msg, err := sub.NextMsg(patience)
	require.NoError(t, err)
	assert.Equal(t, "hello", string(msg.Data))
}

func TestNATSPassword(t *testing.T) {
	n, err := StartNATS(NATSOptions{User: "bridge", Password: "secret"})
	require.NoError(t, err)
	closing(t, n)
	_, err = nats.Connect(n.URL())
	require.ErrorIs(t, err, nats.ErrAuthorization)
	nc, err := n.Connect()
	require.NoError(t, err)
	nc.Close()
}

func TestNATSRestartKeepsStreamsAndPort(t *testing.T) {
	n, err := StartNATS(NATSOptions{})
	require.NoError(t, err)
	closing(t, n)
	url, ctx := n.URL(), within(t, patience)

	nc, err := n.Connect()
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}})
	require.NoError(t, err)
	_, err = js.Publish(ctx, "s.1", []byte("kept"))
	require.NoError(t, err)
	nc.Close()

	require.NoError(t, n.Restart())
	require.Equal(t, url, n.URL())

	nc, err = n.Connect()
	require.NoError(t, err)
	defer nc.Close()
	js, err = jetstream.New(nc)
	require.NoError(t, err)
	consumer, err := js.CreateOrUpdateConsumer(ctx, "S", jetstream.ConsumerConfig{Durable: "d", AckPolicy: jetstream.AckExplicitPolicy})
	require.NoError(t, err)
	msg, err := consumer.Next(jetstream.FetchContext(ctx))
	require.NoError(t, err)
	assert.Equal(t, "kept", string(msg.Data()))
	require.NoError(t, msg.DoubleAck(ctx))
}
