package kafka

import (
	"net"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// link follows whether the cluster is reached, and logs it on the edge only:
// the client tries again several times a second.
//
// It is up while a connection to any broker is open, and no error keeps
// records from coming. The client reports some errors of a partition once and
// lets the partition rest: they count until it delivers, or is given up.
type link struct {
	board *status.Link
	log   *service.Logger

	mu      sync.Mutex
	open    int // connections
	broken  bool
	stuck   map[topicPartition]error // partitions that deliver nothing
	refused map[topicPartition]error // partitions whose commits the brokers refuse
	quiet   bool                     // starting or closing: connections come and go, nothing is reported
}

var (
	_ kgo.HookBrokerConnect    = (*link)(nil)
	_ kgo.HookBrokerDisconnect = (*link)(nil)
	_ kgo.HookGroupManageError = (*link)(nil)
)

// OnBrokerConnect is called by the client after each attempt to connect,
// authentication included.
func (l *link) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.open++
		l.setUp()
	case l.open == 0:
		l.setDown(err)
	}
}

// OnBrokerDisconnect is called by the client when a connection closes. That
// alone is no fault: idle connections are closed.
func (l *link) OnBrokerDisconnect(kgo.BrokerMetadata, net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = max(0, l.open-1)
}

// OnGroupManageError is called by the client when it lost its place in the
// group for a reason other than a rebalance. It joins again by itself.
func (l *link) OnGroupManageError(err error) { l.down(err) }

func (l *link) up() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.setUp()
}

// deliver says that records of these partitions came.
func (l *link) deliver(chunks []chunk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range chunks {
		delete(l.stuck, c.part.topicPartition)
	}
	l.setUp()
}

// stick says that a partition delivers nothing.
func (l *link) stick(tp topicPartition, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stuck == nil {
		l.stuck = map[topicPartition]error{}
	}
	l.stuck[tp] = err
	l.setDown(err)
}

// clear says that a partition can deliver again.
func (l *link) clear(tp topicPartition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.stuck, tp)
	l.setUp()
}

// refuse says that the brokers take no commits of a partition, without which it delivers
// nothing under exactly_once. The others go on, and whoever says so logs it.
func (l *link) refuse(tp topicPartition, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.quiet {
		return
	}
	if l.refused == nil {
		l.refused = map[topicPartition]error{}
	}
	l.refused[tp] = err
	l.board.Down(err)
}

// accept ends that.
func (l *link) accept(tp topicPartition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.refused, tp)
	l.setUp()
}

// giveUp says that others care for these partitions now.
func (l *link) giveUp(gone map[string][]int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	each(gone, func(tp topicPartition) {
		delete(l.stuck, tp)
		delete(l.refused, tp)
	})
}

func (l *link) down(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.setDown(err)
}

// close says that what follows is not a fault.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.quiet = true
	l.board.Closed()
}

func (l *link) setUp() {
	if l.quiet {
		return
	}
	for _, faults := range []map[topicPartition]error{l.stuck, l.refused} {
		for _, err := range faults {
			l.board.Down(err)
			return
		}
	}
	if l.broken {
		l.log.Info("Kafka is reached again")
	}
	l.broken = false
	l.board.Up()
}

func (l *link) setDown(err error) {
	if l.quiet {
		return
	}
	if !l.broken {
		l.log.With("cause", err).Warn("Kafka delivers nothing for now, trying again")
	}
	l.broken = true
	l.board.Down(err)
}
