package kafka

import (
	"errors"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func TestLinkIsDownOnlyWithoutAnyConnection(t *testing.T) {
	l := &link{board: &status.Link{}, log: service.MockResources().Logger()}
	var broker kgo.BrokerMetadata
	refused := errors.New("connection refused")
	connected := func() bool { return l.board.State().Connected }

	l.OnBrokerConnect(broker, 0, nil, refused)
	require.False(t, connected())
	require.ErrorIs(t, l.board.State().Err, refused)

	l.OnBrokerConnect(broker, 0, nil, nil)
	require.True(t, connected())
	l.OnBrokerConnect(broker, 0, nil, refused)
	require.True(t, connected(), "another broker is reached")

	l.OnBrokerDisconnect(broker, nil)
	require.True(t, connected(), "idle connections are closed")
	l.OnBrokerConnect(broker, 0, nil, refused)
	require.False(t, connected())

	l.close()
	l.OnBrokerConnect(broker, 0, nil, refused)
	require.True(t, l.board.State().Closed, "what happens while closing is no fault")
}

// A connection that opens says nothing about a partition that the client rests.
func TestLinkIsDownWhileAPartitionIsStuck(t *testing.T) {
	l := &link{board: &status.Link{}, log: service.MockResources().Logger()}
	fault := errors.New("partition has no prior committed offset")
	l.stick(tp1, fault)
	l.OnBrokerConnect(kgo.BrokerMetadata{}, 0, nil, nil)
	l.deliver([]chunk{{part: &partition{topicPartition: topicPartition{"t", 2}}}})
	require.ErrorIs(t, l.board.State().Err, fault)

	l.deliver([]chunk{{part: &partition{topicPartition: tp1}}})
	require.True(t, l.board.State().Connected)

	l.stick(tp1, fault)
	l.giveUp(one)
	l.up()
	require.True(t, l.board.State().Connected)

	l.refuse(tp1, fault)
	l.deliver([]chunk{{part: &partition{topicPartition: tp1}}})
	l.clear(tp1)
	require.ErrorIs(t, l.board.State().Err, fault, "what comes of it says nothing about its commits")
	l.down(errors.New("no connection"))
	l.up()
	require.ErrorIs(t, l.board.State().Err, fault)
	l.accept(tp1)
	require.True(t, l.board.State().Connected)
}
