package nats

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRepliesOfMessagesAreRead(t *testing.T) {
	want := delivery{count: 2, stream: 34, consumer: 56, stored: time.Unix(0, 1767225600000000007), pending: 8}
	for name, reply := range map[string]string{
		"short":           "$JS.ACK.FEED.bridge.2.34.56.1767225600000000007.8",
		"with a domain":   "$JS.ACK.hub.ACC.FEED.bridge.2.34.56.1767225600000000007.8",
		"with more to it": "$JS.ACK.hub.ACC.FEED.bridge.2.34.56.1767225600000000007.8.random",
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := parseDelivery(reply)
			assert.True(t, ok)
			assert.Equal(t, want, got)
		})
	}
}

func TestWhatIsNoMessageOfAConsumerIsKnown(t *testing.T) {
	for _, reply := range []string{
		"",
		"_INBOX.abc",
		"$JS.ACK.",
		"$JS.ACK.FEED.bridge.2.34.56.7",
		"$JS.ACK.FEED.bridge.2.34.56.7.8.9",
		"$JS.ACK.FEED.bridge.2.x.56.7.8",
		"$JS.ACK.FEED.bridge.2..56.7.8",
		"$JS.ACK.FEED.bridge.-2.34.56.7.8",
	} {
		_, ok := parseDelivery(reply)
		assert.False(t, ok, reply)
	}
}

func TestReadingAReplyAllocatesNothing(t *testing.T) {
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		parseDelivery("$JS.ACK.FEED.bridge.2.34.56.1767225600000000007.8")
	}))
}
