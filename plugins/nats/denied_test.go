package nats

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// governed is a server whose user "bridge" may have rights taken away while it
// is connected. Its user "admin" has them all.
type governed struct {
	*server.Server
	t    testing.TB
	opts *server.Options
}

func startGoverned(t testing.TB, adjust ...func(*server.Options)) *governed {
	t.Helper()
	g := &governed{t: t}
	g.Server = startServer(t, append(adjust, func(o *server.Options) {
		o.Users = usersWith(nil)
		g.opts = o
	})...)
	g.opts = g.opts.Clone()
	return g
}

func usersWith(p *server.Permissions) []*server.User {
	return []*server.User{{Username: "admin", Password: "a"}, {Username: "bridge", Password: "b", Permissions: p}}
}

// grant lets the bridge do what p says from now on, nil for everything.
func (g *governed) grant(p *server.Permissions) {
	g.t.Helper()
	next := g.opts.Clone()
	next.Users = usersWith(p)
	require.NoError(g.t, g.ReloadOptions(next))
}

const asBridge = "auth: {user: bridge, password: b}\n"

func (g *governed) admin() *nats.Conn {
	nc, err := nats.Connect(g.ClientURL(), nats.UserInfo("admin", "a"), lasting)
	require.NoError(g.t, err)
	g.t.Cleanup(nc.Close)
	return nc
}

// A right to subscribe that is taken away shows, and comes back by itself; the
// other subjects go on meanwhile.
func TestASubscriptionThatTheServerEndsIsUnhealthyAndComesBack(t *testing.T) {
	t.Parallel()
	g := startGoverned(t)
	r := newRig(t, g.Server, asBridge+"subjects: [feed.a, feed.b]")
	connect(t, r.in)
	r.pub = g.admin()
	r.publish("feed.a", 0, 5)
	assert.Equal(t, numbers(0, 5), r.readN(5))

	g.grant(&server.Permissions{Subscribe: &server.SubjectPermission{Deny: []string{"feed.a"}}})
	eventually(t, linkIs(r, false), linkState(r))
	assert.ErrorContains(t, r.figures.Link.State().Err, `subjects: the server lets us have nothing of "feed.a" any more`)
	r.publish("feed.b", 5, 8)
	assert.Equal(t, numbers(5, 8), r.readN(3))
	assert.False(t, r.figures.Link.State().Connected, "what still comes is no recovery")

	g.grant(nil)
	eventually(t, linkIs(r, true), linkState(r))
	r.publish("feed.a", 8, 12)
	assert.Equal(t, numbers(8, 12), r.readN(4))
	r.balanced(12)
	r.log.awaitLine(t, "NATS subscription is back")
	assert.Len(t, r.log.lines("NATS subscription is back"), 1)
}

func TestJetRequestsThatAreDeniedAreUnhealthyAndRecover(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*server.Permissions{
		"requests":         {Publish: &server.SubjectPermission{Deny: []string{"$JS.API.CONSUMER.MSG.NEXT.>"}}},
		"answers":          {Subscribe: &server.SubjectPermission{Deny: []string{"_INBOX.>"}}},
		"acknowledgements": {Publish: &server.SubjectPermission{Deny: []string{"$JS.ACK.>"}}},
	} {
		t.Run(name, func(t *testing.T) {
			g := startGoverned(t, withJetStream(t.TempDir()))
			js := jetOf(t, g.admin())
			makeStream(t, js, 1)
			r := newJetRig(t, g.ClientURL(), js, asBridge+"ack_wait: 2s")
			connect(t, r.in)
			r.publish(0, 10)
			r.all(10)
			r.settled(10)

			g.grant(p)
			r.publish(10, 20)
			var held []batch
			if name == "acknowledgements" {
				_, held = r.readN(10, true)
			}
			eventually(t, func() bool { return r.figures.Link.State().Err != nil }, func() string { return "healthy" })
			assert.False(t, r.figures.Link.State().Connected)

			g.grant(nil)
			if held == nil {
				r.all(20, numbers(0, 10)...)
			}
			eventually(t, func() bool { return r.figures.Link.State().Connected }, func() string { return r.log.String() })
		})
	}
}

// Requests that are swallowed, without a word of refusal, are unhealthy too.
func TestJetRequestsThatNobodyAnswersAreUnhealthy(t *testing.T) {
	t.Parallel()
	s, js := jetServer(t)
	r := newJetRig(t, s.ClientURL(), js, "")
	connect(t, r.in)
	r.publish(0, 10)
	r.all(10)
	const requests = "$JS.API.CONSUMER.MSG.NEXT.FEED.bridge"
	_, err := js.Conn().Subscribe("void", func(*nats.Msg) {}) // hears them, and says nothing
	require.NoError(t, err)
	require.NoError(t, js.Conn().Flush())
	require.NoError(t, s.GlobalAccount().AddMapping(requests, "void"))
	eventually(t, func() bool { return !r.figures.Link.State().Connected }, func() string { return "healthy" })
	require.ErrorIs(t, r.figures.Link.State().Err, errStalled)
	assert.Len(t, r.log.lines("JetStream answers none of our requests"), 1)
	eventually(t, func() bool { return r.incidents(status.ClassStalled) > 0 }, func() string { return "no incident" })

	s.GlobalAccount().RemoveMapping(requests)
	r.publish(10, 20)
	r.all(20, numbers(0, 10)...)
	eventually(t, func() bool { return r.figures.Link.State().Connected }, func() string { return r.log.String() })
}
