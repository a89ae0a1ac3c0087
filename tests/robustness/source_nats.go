package robustness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/data-bridge-io/data-bridge/tests/robustness/faults"
	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
	"github.com/data-bridge-io/data-bridge/tests/robustness/traffic"
)

// largestNATS is what a NATS server takes of one message, less the rest of a record.
const largestNATS = 1_000_000

// soon makes a NATS client come back at once.
var soon = map[string]any{"reconnect_wait": "100ms", "reconnect_jitter": "10ms"}

func (r *Run) natsInput(url string, more map[string]any) map[string]any {
	in := map[string]any{
		"urls":           []string{url},
		"batch":          map[string]any{"count": inputBatch},
		"pending_limits": map[string]any{"messages": pending},
	}
	for _, m := range []map[string]any{soon, more} {
		for k, v := range m {
			in[k] = v
		}
	}
	return in
}

// useNATS tells the scene of the server, and that a source is behind it.
func (r *Run) useNATS(kind string) (url string, connect traffic.Connect, err error) {
	server, link, err := r.servers.NATS()
	if err != nil {
		return "", nil, err
	}
	r.scene.NATS, r.scene.NATSLink = server, link
	r.scene.NATSFeeds = append(r.scene.NATSFeeds, kind)
	return "nats://" + link.Addr(), server.Connect, nil
}

// byKey is what a pause keeps of core NATS: the newest record of each of fifty keys.
// Poison has none, and is dropped.
var byKey = object{"on_pause": "conflate", "conflate": object{"key": `${! json("n").number() % 50 }`}}

func (r *Run) coreSource(kind string, random *rand.Rand) (*source, error) {
	url, connect, err := r.useNATS(kind)
	if err != nil {
		return nil, err
	}
	subject := r.id + "." + kind
	pub, err := traffic.NewCore(kind, connect, subject, r.shape(kind, largestNATS), random)
	if err != nil {
		return nil, err
	}
	in := r.natsInput(url, object{"subjects": []string{subject}, "queue": r.id, "metadata": r.metadata(kind)})
	if kind == latest {
		maps.Copy(in, byKey)
	}
	return &source{
		Source:  model.Source{Kind: model.Core, Held: held},
		pub:     pub,
		input:   object{"pausable_nats": in},
		settled: func(context.Context) (string, error) { return "", nil },
		close:   pub.Close,
	}, nil
}

func (r *Run) jetSource(ctx context.Context, kind string, random *rand.Rand) (*source, error) {
	url, connect, err := r.useNATS(kind)
	if err != nil {
		return nil, err
	}
	policy := "explicit"
	if kind == jetAll {
		policy = "all"
	}
	return r.streamSource(ctx, kind, url, policy, connect, jetstream.StreamConfig{}, random)
}

func (r *Run) clusterSource(ctx context.Context, random *rand.Rand) (*source, error) {
	c, err := r.servers.Cluster()
	if err != nil {
		return nil, err
	}
	r.scene.Cluster = c
	return r.streamSource(ctx, cluster, strings.Join(c.URLs(), ","), "explicit", c.Connect, jetstream.StreamConfig{Replicas: 3}, random)
}

// streamSource makes a stream, its publisher and the input that reads it.
func (r *Run) streamSource(ctx context.Context, kind, urls, policy string, connect traffic.Connect, config jetstream.StreamConfig, random *rand.Rand) (*source, error) {
	conn, err := connect(nats.MaxReconnects(-1))
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("using JetStream: %w", err)
	}
	config.Name, config.Subjects = r.id+"_"+kind, []string{r.id + "." + kind + ".*"}
	if _, err := js.CreateStream(ctx, config); err != nil {
		return nil, fmt.Errorf("creating %s: %w", config.Name, err)
	}
	pub, err := traffic.NewJet(kind, connect, r.id+"."+kind, 2, r.shape(kind, largestNATS), random)
	if err != nil {
		return nil, err
	}
	stream := &faults.Stream{Source: kind, Consumer: "bridge", Feed: pub, JS: js, Config: config}
	r.scene.Streams = append(r.scene.Streams, stream)
	return &source{
		Source: model.Source{Kind: model.Jet},
		pub:    pub,
		input: map[string]any{"pausable_nats_jetstream": r.natsInput(urls, map[string]any{
			"stream": config.Name, "durable": stream.Consumer, "ack_policy": policy, "ack_wait": "8s", "metadata": r.metadata(kind),
		})},
		settled: func(ctx context.Context) (string, error) { return stillInStream(ctx, stream) },
		floor:   func(ctx context.Context) (map[int]int64, error) { return streamFloor(ctx, stream) },
		close: func() {
			pub.Close()
			_ = js.DeleteStream(context.WithoutCancel(ctx), config.Name)
			conn.Close()
		},
	}, nil
}

// stillInStream says what a consumer has not been acknowledged.
func stillInStream(ctx context.Context, s *faults.Stream) (string, error) {
	c, err := s.JS.Consumer(ctx, s.Config.Name, s.Consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return "the consumer is not there", nil
	}
	if err != nil {
		return "", fmt.Errorf("looking at the consumer of %s: %w", s.Config.Name, err)
	}
	info := c.CachedInfo()
	if info.NumPending == 0 && info.NumAckPending == 0 {
		return "", nil
	}
	return fmt.Sprintf("the stream has %d more, and %d are not acknowledged", info.NumPending, info.NumAckPending), nil
}

// streamFloor is the first message that is not acknowledged.
func streamFloor(ctx context.Context, s *faults.Stream) (map[int]int64, error) {
	c, err := s.JS.Consumer(ctx, s.Config.Name, s.Consumer)
	if err != nil {
		return nil, fmt.Errorf("looking at the consumer of %s: %w", s.Config.Name, err)
	}
	return map[int]int64{model.AllParts: int64(c.CachedInfo().AckFloor.Stream) + 1}, nil
}
