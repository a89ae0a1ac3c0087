package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// EnvKafka forces one kind of Kafka: real or kfake.
const EnvKafka = "DATA_BRIDGE_KAFKA"

// Values of EnvKafka.
const (
	KafkaReal = "real"
	KafkaFake = "kfake"
)

// broker is what starts and stops behind a Kafka.
type broker interface {
	start(ctx context.Context) error
	stop() error
	kill() error
	stall() error
	resume() error
}

// KafkaOptions says how a broker runs. The zero value is what StartKafka starts.
type KafkaOptions struct {
	// Fake asks for kfake, even where Apache Kafka can be had.
	Fake bool
	// Linked puts a proxy in front of the broker, which tells every client to
	// come through it: see Kafka.Link.
	Linked bool
	// ACLs makes the broker obey access control lists. Who may do what nobody
	// has said anything about: everybody.
	ACLs bool
	// Brief is for a broker that soon ends: its JVM compiles less, which costs
	// less than it saves where nobody measures how much the broker can do.
	Brief bool

	version string
}

// Kafka is a single broker: Apache Kafka in KRaft mode, or kfake in this
// process where Java or Maven is missing. Its methods may be called from any goroutine.
type Kafka struct {
	addr   string // where clients go
	listen string // where the broker listens: the same unless it is linked
	dir    string
	fake   string // why it is kfake, "" when it is real
	about  string // release of the real one
	link   *FaultProxy
	opts   KafkaOptions
	broker broker
}

// StartKafka starts a broker on a free port. Its data lives in a temporary
// folder until Close.
func StartKafka(ctx context.Context) (*Kafka, error) { return StartKafkaWith(ctx, KafkaOptions{}) }

// StartKafkaWith is StartKafka with options.
func StartKafkaWith(ctx context.Context, opts KafkaOptions) (*Kafka, error) {
	if opts.version == "" {
		opts.version = kafkaVersion
	}
	forced := os.Getenv(EnvKafka)
	if opts.Fake {
		return startKafkaFake(ctx, "that was asked for", opts)
	}
	switch forced {
	case KafkaFake:
		return startKafkaFake(ctx, EnvKafka+"="+KafkaFake, opts)
	case "", KafkaReal:
	default:
		return nil, fmt.Errorf("reading %s: %q is neither %s nor %s", EnvKafka, forced, KafkaReal, KafkaFake)
	}
	libs, err := installKafka(ctx, opts.version)
	if err == nil {
		return startKafkaReal(ctx, libs, opts)
	}
	if forced == KafkaReal {
		return nil, err
	}
	return startKafkaFake(ctx, err.Error(), opts)
}

func startKafkaFake(ctx context.Context, reason string, opts KafkaOptions) (*Kafka, error) {
	progress("Kafka is kfake (in process), because %s", reason)
	k, err := newKafka(opts)
	if err != nil {
		return nil, err
	}
	k.fake = reason
	if k.broker, err = newFakeBroker(k); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, k.startOrClose(ctx)
}

func startKafkaReal(ctx context.Context, libs string, opts KafkaOptions) (*Kafka, error) {
	release, err := prepareKafka(ctx, opts.version, libs)
	if err != nil {
		return nil, err
	}
	k, err := newKafka(opts)
	if err != nil {
		return nil, err
	}
	k.about = opts.version
	if k.broker, err = newJavaBroker(release, k); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, k.startOrClose(ctx)
}

func newKafka(opts KafkaOptions) (*Kafka, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	k := &Kafka{listen: address(port), addr: address(port), opts: opts}
	if opts.Linked {
		if k.link, err = Proxy(k.listen); err != nil {
			return nil, err
		}
		k.addr = k.link.Addr()
	}
	if k.dir, err = os.MkdirTemp("", "data-bridge-kafka-"); err != nil {
		return nil, errors.Join(fmt.Errorf("creating the folder of Kafka: %w", err), k.Close())
	}
	return k, nil
}

func (k *Kafka) startOrClose(ctx context.Context) error {
	if err := k.broker.start(ctx); err != nil {
		return errors.Join(err, k.Close())
	}
	return nil
}

// Brokers are the seed brokers.
func (k *Kafka) Brokers() []string { return []string{k.addr} }

// Addr is the only broker's host:port.
func (k *Kafka) Addr() string { return k.addr }

// Link is the proxy that every client comes through; nil unless the broker is linked.
func (k *Kafka) Link() *FaultProxy { return k.link }

// DialDirectly is a dialer for clients that are to pass by the link.
func (k *Kafka) DialDirectly(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, k.listen)
}

// Fake is empty for a real broker, else the reason why it is kfake.
func (k *Kafka) Fake() string { return k.fake }

// Name says what it is, for people: "Apache Kafka 3.9.1", or that it is kfake.
func (k *Kafka) Name() string {
	if k.fake != "" {
		return "kfake (in process)"
	}
	return "Apache Kafka " + k.about
}

// Start starts a stopped broker on the same port and data, and returns when it serves.
func (k *Kafka) Start(ctx context.Context) error { return k.broker.start(ctx) }

// Stop ends the broker in order. Data stays.
func (k *Kafka) Stop() error { return k.broker.stop() }

// Kill ends the broker as a crash does. Data stays.
func (k *Kafka) Kill() error { return k.broker.kill() }

// Stall freezes the broker: connections stay open and nothing answers. kfake cannot.
func (k *Kafka) Stall() error { return k.broker.stall() }

// Continue ends a Stall.
func (k *Kafka) Continue() error { return k.broker.resume() }

// Restart is Stop and Start.
func (k *Kafka) Restart(ctx context.Context) error {
	return errors.Join(k.Stop(), k.Start(ctx))
}

// Close ends the broker and removes its data.
func (k *Kafka) Close() error {
	var err error
	if k.broker != nil {
		err = k.broker.kill()
	}
	if k.link != nil {
		k.link.Close()
	}
	return errors.Join(err, removeAll(k.dir))
}

// CreateTopic makes a topic and returns when its partitions have a leader.
func (k *Kafka) CreateTopic(ctx context.Context, topic string, partitions int32) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.addr))
	if err != nil {
		return fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(ctx, partitions, 1, nil, topic); err != nil {
		return fmt.Errorf("creating topic %s: %w", topic, err)
	}
	return awaitTopic(ctx, admin, topic, partitions)
}

func awaitTopic(ctx context.Context, admin *kadm.Client, topic string, partitions int32) error {
	tick := time.NewTicker(readyInterval)
	defer tick.Stop()
	for {
		topics, err := admin.ListTopics(ctx, topic)
		if err == nil && leaders(topics[topic]) == int(partitions) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for topic %s: %w (last: %w)", topic, ctx.Err(), err)
		case <-tick.C:
		}
	}
}

func leaders(topic kadm.TopicDetail) int {
	n := 0
	for _, partition := range topic.Partitions {
		if partition.Err == nil && partition.Leader >= 0 {
			n++
		}
	}
	return n
}

// pingKafka is nil when the broker answers a metadata request with itself in it.
func pingKafka(ctx context.Context, addr string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RetryTimeout(time.Second),
		kgo.RequestTimeoutOverhead(time.Second)) // a stalled broker accepts connections and says nothing
	if err != nil {
		return err
	}
	defer client.Close()
	metadata, err := kadm.NewClient(client).BrokerMetadata(ctx)
	if err != nil {
		return err
	}
	if len(metadata.Brokers) == 0 {
		return errors.New("no broker has registered yet")
	}
	return nil
}
