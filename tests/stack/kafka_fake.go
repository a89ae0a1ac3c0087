package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// fakeBroker is kfake in this process, with its data on disk so that a restart keeps it.
type fakeBroker struct {
	port int
	dir  string

	mu      sync.Mutex
	cluster *kfake.Cluster
}

func newFakeBroker(addr, dir string) (*fakeBroker, error) {
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(text)
	return &fakeBroker{port: port, dir: dir}, err
}

func (f *fakeBroker) start(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cluster != nil {
		return nil
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(f.port), kfake.DataDir(f.dir), kfake.SyncWrites())
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
