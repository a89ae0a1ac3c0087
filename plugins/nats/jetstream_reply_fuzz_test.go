package nats

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// FuzzReplySubject compares with the client what a reply subject says. The client takes
// some that the server does not send: those of 10 tokens, and numbers that are none.
func FuzzReplySubject(f *testing.F) {
	for _, reply := range []string{
		"$JS.ACK.stream.consumer.1.2.3.1700000000000000000.4",
		"$JS.ACK.domain.account.stream.consumer.1.2.3.1700000000000000000.4.token",
		"$JS.ACK.stream.consumer.1.99999999999999999999.3.4.5", "$JS.ACK.s.c.1.-2.3.4.5", "$JS.ACK.s.c.1.2.3.4", "$JS.ACK.........", "", "$JS.ACK._.a.s.c.1.2.3.4.5",
	} {
		f.Add(reply)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		got, ok := parseDelivery(reply)
		if !ok {
			require.Zero(t, got)
			return
		}
		m := &nats.Msg{Reply: reply, Sub: &nats.Subscription{}}
		want, err := m.Metadata()
		require.NoError(t, err, reply)
		require.Equal(t, want.NumDelivered, got.count, reply)
		require.Equal(t, want.Sequence.Stream, got.stream, reply)
		require.Equal(t, want.Sequence.Consumer, got.consumer, reply)
		require.Equal(t, want.NumPending, got.pending, reply)
		require.True(t, want.Timestamp.Equal(got.stored), reply)
	})
}
