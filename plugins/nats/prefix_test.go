package nats

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A stream is reached through its domain, or through the prefix under which its
// API is exported, and not through another.
func TestJetDomainAndAPIPrefix(t *testing.T) {
	t.Parallel()
	s := startServer(t, withJetStream(t.TempDir()), func(o *server.Options) { o.JetStreamDomain = "hub" })
	js := jetClient(t, s.ClientURL())
	makeStream(t, js, 1)
	for _, yaml := range []string{"domain: spoke", "api_prefix: $JS.spoke.API"} {
		require.ErrorContains(t, newJetRig(t, s.ClientURL(), js, yaml).in.Connect(t.Context()), `stream "FEED"`)
	}
	for i, yaml := range []string{"domain: hub", "api_prefix: $JS.hub.API"} {
		r := newJetRig(t, s.ClientURL(), js, yaml)
		connect(t, r.in)
		r.publish(100*i, 100*i+100)
		got, _ := r.readN(100, true)
		assert.Equal(t, numbers(100*i, 100*i+100), got)
		r.settled(uint64(100*i + 100))
		require.NoError(t, r.in.ConnectionTest(t.Context())[0].Err)
		require.NoError(t, r.in.Close(t.Context()))
	}
}

func TestInboxPrefix(t *testing.T) {
	t.Parallel()
	g := startGoverned(t, withJetStream(t.TempDir()))
	js := jetOf(t, g.admin())
	makeStream(t, js, 1)
	g.grant(&server.Permissions{Subscribe: &server.SubjectPermission{Allow: []string{"_OURS.>"}}})
	r := newJetRig(t, g.ClientURL(), js, asBridge+"inbox_prefix: _OURS")
	connect(t, r.in)
	r.publish(0, 100)
	r.all(100)
	r.settled(100)
}
