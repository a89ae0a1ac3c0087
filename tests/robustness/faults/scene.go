package faults

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// Bridge is the process under test, and those that take its place.
type Bridge interface {
	// Kill ends the process as a crash does.
	Kill() error
	// Terminate ends it by SIGTERM and returns its exit code.
	Terminate(ctx context.Context) (exitCode int, err error)
	// Start starts the next process and returns when it answers.
	Start(ctx context.Context) error
	// Freeze stops the process, and Thaw lets it go on.
	Freeze() error
	Thaw() error
	// Paused tells whether it discards what it cannot keep, as far as one knows.
	Paused(ctx context.Context) bool
	// Operate posts to its status server, as an operator does.
	Operate(ctx context.Context, path string) error
	// Join starts one more process beside it, and Leave ends that one by SIGTERM.
	Join(ctx context.Context) error
	Leave(ctx context.Context) (exitCode int, err error)
}

// Feed is what a fault of a topic or stream has to know of its publisher.
type Feed interface {
	// Quietly runs act while nothing is on its way to the server.
	Quietly(act func() error) error
	// Anew tells that what is published from now on goes to another topic or stream
	// of that name, and returns how often that had happened before.
	Anew() (was int)
	// Renew has the publisher look at topic or stream anew. It is called within Quietly.
	Renew()
	// Grow adds parts.
	Grow(parts int)
}

// Topic is one of Kafka, with what reads it.
type Topic struct {
	Source, Name string
	Feed         Feed
	Admin        *kadm.Client
	Configs      map[string]*string
	Partitions   int32

	epoch int
}

// Stream is one of JetStream, with the consumer that reads it.
type Stream struct {
	Source   string
	Consumer string
	Feed     Feed
	JS       jetstream.JetStream
	Config   jetstream.StreamConfig

	epoch int
}

// Table is one that the bridge writes to.
type Table struct {
	Name   string // with its database
	Create string // the statement that makes it
	// Old are the names of earlier ones, which keep what they had.
	Old []string

	columns int // that were added
}

// Scene is what faults act upon. What is nil is not there. A scene is used from one
// goroutine.
type Scene struct {
	Timeline *Timeline

	Bridge    Bridge
	House     stack.ClickHouse
	HouseLink *stack.FaultProxy
	NATS      *stack.NATS
	NATSLink  *stack.FaultProxy
	NATSFeeds []string // the sources behind them
	Cluster   *stack.NATSCluster
	Kafka     *stack.Kafka
	KafkaFeed string // the source behind it
	Tables    []*Table
	Topic     *Topic
	Streams   []*Stream
	// Letters is the folder of the dead letters, where it is a small disk of its own.
	Letters string
}

// note adds an event that lasts until the fault ends.
func (s *Scene) note(what model.What, source string) *model.Event {
	return s.Timeline.begin(what, source)
}

// natsBroken notes that the connections to NATS break.
func (s *Scene) natsBroken() {
	for _, feed := range s.NATSFeeds {
		s.note(model.SourceBroken, feed)
	}
}
