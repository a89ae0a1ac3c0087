package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fakeBroker is kfake in this process, with its data on disk so that a restart keeps it.
type fakeBroker struct {
	port       int
	dir        string
	advertised net.Addr // where clients go
	acls       bool

	mu      sync.Mutex
	cluster *kfake.Cluster
}

func newFakeBroker(k *Kafka) (*fakeBroker, error) {
	listen, err := net.ResolveTCPAddr("tcp", k.listen)
	if err != nil {
		return nil, err
	}
	advertised, err := net.ResolveTCPAddr("tcp", k.addr)
	return &fakeBroker{port: listen.Port, dir: k.dir, advertised: advertised, acls: k.opts.ACLs}, err
}

// listen is net.Listen, with the address that the broker tells clients.
func (f *fakeBroker) listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	return advertising{l, f.advertised}, err
}

type advertising struct {
	net.Listener
	addr net.Addr
}

func (a advertising) Addr() net.Addr { return a.addr }

// open lets everybody do what the lists do not deny, as the real broker does.
func open() kfake.Opt {
	var all []kfake.ACL
	for _, resource := range []kmsg.ACLResourceType{
		kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup, kmsg.ACLResourceTypeCluster, kmsg.ACLResourceTypeTransactionalId,
	} {
		all = append(all, kfake.ACL{
			Resource: resource, Name: "*", Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: kmsg.ACLOperationAll, Allow: true,
		})
	}
	return kfake.User("PLAIN", "ANONYMOUS", "unused", all...)
}

func (f *fakeBroker) start(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cluster != nil {
		return nil
	}
	opts := []kfake.Opt{
		kfake.NumBrokers(1), kfake.Ports(f.port), kfake.DataDir(f.dir), kfake.SyncWrites(), kfake.ListenFn(f.listen),
	}
	if f.acls {
		opts = append(opts, kfake.EnableACLs(), open())
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return fmt.Errorf("starting kfake: %w", err)
	}
	f.cluster = cluster
	return nil
}

func (f *fakeBroker) stop() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cluster != nil {
		f.cluster.Close()
		f.cluster = nil
	}
	return nil
}

func (f *fakeBroker) kill() error   { return f.stop() }
func (f *fakeBroker) stall() error  { return errors.New("kfake cannot be stalled") }
func (f *fakeBroker) resume() error { return nil }
