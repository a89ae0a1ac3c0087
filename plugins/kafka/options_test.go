package kafka

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// requests collects what a broker is asked.
type requests struct {
	mu  sync.Mutex
	all []kmsg.Request
}

func (r *requests) watch(fake *kfake.Cluster, keys ...kmsg.Key) {
	for _, key := range keys {
		fake.ControlKey(int16(key), func(req kmsg.Request) (kmsg.Response, error, bool) {
			fake.KeepControl()
			copied := kmsg.RequestForKey(req.Key()) // kfake writes to the request
			copied.SetVersion(req.GetVersion())
			if err := copied.ReadFrom(req.AppendTo(nil)); err != nil {
				return nil, err, true
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.all = append(r.all, copied)
			return nil, nil, false
		})
	}
}

// lastOf is the last request of that type, nil for none.
func lastOf[T kmsg.Request](r *requests) (last T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, req := range r.all {
		if got, ok := req.(T); ok {
			last = got
		}
	}
	return last
}

func countOf[T kmsg.Request](r *requests) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, req := range r.all {
		if _, ok := req.(T); ok {
			n++
		}
	}
	return n
}

// fetchesBelow counts the fetches that asked for records before that offset.
func (r *requests) fetchesBelow(offset int64) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, req := range r.all {
		for _, topic := range req.(*kmsg.FetchRequest).Topics {
			for _, p := range topic.Partitions {
				if p.FetchOffset < offset {
					n++
				}
			}
		}
	}
	return n
}

func watchedCluster(t *testing.T, keys ...kmsg.Key) (*cluster, *requests) {
	t.Helper()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	r := &requests{}
	r.watch(fake, keys...)
	return newCluster(t, fake.ListenAddrs()), r
}

func TestOptionsReachTheBroker(t *testing.T) {
	c, seen := watchedCluster(t, kmsg.JoinGroup, kmsg.Fetch)
	topic := c.topic(1)
	c.produce(topic, 0, 0, 3)
	k := c.consume(topic, false, `
instance_id: one
rack_id: b
rebalance_timeout: 7s
group_balancers: [range, round-robin]
transaction_isolation_level: read_committed
fetch_min_bytes: 3B
fetch_max_bytes: 2MiB
fetch_max_partition_bytes: 300KiB
fetch_max_wait: 40ms
conn_idle_timeout: 9s
request_timeout_overhead: 4s
`)
	eventually(t, "it delivers", func() bool { return k.total() == 3 })

	join := lastOf[*kmsg.JoinGroupRequest](seen)
	require.Equal(t, "one", *join.InstanceID)
	require.EqualValues(t, 45_000, join.SessionTimeoutMillis)
	require.EqualValues(t, 7_000, join.RebalanceTimeoutMillis)
	var offered []string
	for _, p := range join.Protocols {
		offered = append(offered, p.Name)
	}
	require.Equal(t, []string{"range", "roundrobin"}, offered)

	fetch := lastOf[*kmsg.FetchRequest](seen)
	require.Equal(t, "b", fetch.Rack)
	require.EqualValues(t, 1, fetch.IsolationLevel)
	require.EqualValues(t, 3, fetch.MinBytes)
	require.EqualValues(t, 2<<20, fetch.MaxBytes)
	require.EqualValues(t, 40, fetch.MaxWaitMillis)

	client := k.in.session.Load().client
	require.Equal(t, 9*time.Second, client.OptValue(kgo.ConnIdleTimeout))
	require.Equal(t, 4*time.Second, client.OptValue(kgo.RequestTimeoutOverhead))
	require.EqualValues(t, 300<<10, client.OptValue(kgo.FetchMaxPartitionBytes))
}

func TestStartTimestamp(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		start := time.Now().Add(-time.Hour).UTC().Truncate(time.Minute) // nothing that retention deletes
		for i := range 10 {                                             // one a minute
			r := &kgo.Record{Topic: topic, Value: fmt.Append(nil, i), Timestamp: start.Add(time.Duration(i) * time.Minute)}
			require.NoError(t, c.client.ProduceSync(t.Context(), r).FirstErr())
		}
		at := func(d time.Duration) string {
			return "start_timestamp: '" + start.Add(d).Format(time.RFC3339Nano) + "'"
		}
		group := c.consume(topic, false, at(4*time.Minute))
		eventually(t, "the rest is delivered", func() bool { return group.total() == 6 })
		require.Equal(t, upTo(4, 10), group.got(0))
		group.close()

		again := c.consume(topic, false, at(0)) // a commit comes first
		alone := c.consumer(c.named(topic+":0", at(7*time.Minute+time.Millisecond)))
		alone.start()
		eventually(t, "the rest is delivered", func() bool { return alone.total() == 2 })
		require.Equal(t, upTo(8, 10), alone.got(0))
		c.produce(topic, 0, 10, 11)
		eventually(t, "what is new is delivered", func() bool { return again.total() == 1 })
	})
}

func TestStartOffsetCommittedRefusesAPartitionWithoutOne(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 3)
		k := c.consume(topic, false, "start_offset: committed")
		eventually(t, "the input says so", func() bool { return k.in.stats.Link.State().Err != nil })
		require.Zero(t, k.total())
		k.close()

		first := c.consume(topic, false, "")
		eventually(t, "all is delivered", func() bool { return first.total() == 3 })
		first.close()
		c.produce(topic, 0, 3, 5)
		k = c.consume(topic, false, "start_offset: committed")
		eventually(t, "it goes on behind the commit", func() bool { return k.total() == 2 })
		k.close()

		c.produce(topic, 0, 5, 10)
		c.deleteBefore(topic, 0, 8)
		k = c.consume(topic, false, "start_offset: committed")
		eventually(t, "the input says so", func() bool { return k.in.stats.Link.State().Err != nil })
		require.Zero(t, k.total())
	})
}

func TestIsolationLevel(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		tx := c.transaction()
		c.produceWith(tx, topic, 0, 5)
		require.NoError(t, tx.EndTransaction(t.Context(), kgo.TryAbort))
		require.NoError(t, tx.BeginTransaction())
		c.produceWith(tx, topic, 5, 10)

		dirty := c.consumer(c.named(topic+":0", ""))
		dirty.start()
		eventually(t, "all is delivered", func() bool { return dirty.total() == 10 })

		clean := c.consume(topic, false, "transaction_isolation_level: read_committed")
		eventually(t, "it is a member", func() bool { return len(clean.owned()) == 1 })
		stays(t, "nothing is committed", func() bool { return clean.total() == 0 })
		require.NoError(t, tx.EndTransaction(t.Context(), kgo.TryCommit))
		eventually(t, "what is committed is delivered", func() bool { return clean.total() == 5 })
		require.Equal(t, upTo(5, 10), clean.got(0), "and nothing that was aborted")
	})
}

func TestRegexpTopicsIncludeAndExclude(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		for _, name := range []string{"-market-a", "-market-a-test", "-other"} {
			c.create(c.prefix+name, 1)
			c.produce(c.prefix+name, 0, 0, 3)
		}
		yaml := fmt.Sprintf(`
seed_brokers: ["%s"]
regexp_topics_include: ['^%s-market-.*$']
regexp_topics_exclude: ['-test$']
consumer_group: "%s"
metadata_max_age: 200ms
%s`, c.brokers[0], c.prefix, c.group(), more)
		k := c.consumer(yaml)
		k.start()
		eventually(t, "the first topic is delivered", func() bool { return k.total() == 3 })
		c.create(c.prefix+"-market-b", 1)
		c.produce(c.prefix+"-market-b", 0, 3, 6)
		eventually(t, "the second topic is delivered", func() bool { return k.total() == 6 })
		require.Equal(t, upTo(0, 6), k.got(0))
	})
}

func TestTLS(t *testing.T) {
	authority, err := stack.NewAuthority(t.TempDir())
	require.NoError(t, err)
	certFile, keyFile, err := authority.Issue("broker", "127.0.0.1")
	require.NoError(t, err)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	require.NoError(t, err)
	c := &cluster{t: t, prefix: "tls", brokers: fakeBrokers(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "t"),
		kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}))}

	trusting := c.consume("t", false, "tls: {enabled: true, root_cas_file: "+strconv.Quote(authority.CertFile())+"}")
	eventually(t, "it is a member", func() bool { return len(trusting.owned()) == 1 })
	require.ErrorContains(t, connectError(t, c.config("t", "tls: {enabled: true}")), "certificate signed by unknown authority")
}

// kfake knows no OAUTHBEARER: the test answers in its place.
// What is rotated in the files of tls is used by the next connection.
func TestRotatedCertificatesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	brokers, err := stack.NewAuthority(t.TempDir())
	require.NoError(t, err)
	other, err := stack.NewAuthority(t.TempDir())
	require.NoError(t, err)
	certFile, keyFile, err := brokers.Issue("broker", "localhost", "127.0.0.1")
	require.NoError(t, err)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	require.NoError(t, err)
	c := &cluster{t: t, prefix: "tls", brokers: fakeBrokers(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "t"),
		kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}))}
	trusted := filepath.Join(dir, "trusted.pem")
	trust := func(a *stack.Authority) {
		text, err := os.ReadFile(a.CertFile())
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(trusted, text, 0o600))
	}
	trust(other)
	k := c.consumer(c.config("t", "tls: {enabled: true, root_cas_file: "+strconv.Quote(trusted)+"}"))
	defer k.in.Close(t.Context())
	require.ErrorContains(t, k.in.Connect(t.Context()), "certificate signed by unknown authority")
	require.NoError(t, os.Remove(trusted))
	require.ErrorContains(t, k.in.Connect(t.Context()), "reading the files of tls")
	trust(brokers)
	require.NoError(t, k.in.Connect(t.Context()))
}

func TestOAuthBearer(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	fake.ControlKey(int16(kmsg.SASLHandshake), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLHandshakeResponse)
		resp.SupportedMechanisms = []string{saslOAuth}
		return resp, nil, true
	})
	fake.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		if !strings.Contains(string(req.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes), "auth=Bearer right\x01") {
			resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		}
		return resp, nil, true
	})
	c := &cluster{t: t, prefix: "oauth", brokers: fake.ListenAddrs()}
	k := c.consume("t", false, "sasl: [{mechanism: OAUTHBEARER, token: right}]")
	eventually(t, "it is a member", func() bool { return len(k.owned()) == 1 })

	err = connectError(t, c.config("t", "sasl: [{mechanism: OAUTHBEARER, token: wr0ng}]"))
	require.ErrorContains(t, err, "authenticating by sasl mechanism OAUTHBEARER at seed_brokers")
	require.NotContains(t, err.Error(), "wr0ng")
}
