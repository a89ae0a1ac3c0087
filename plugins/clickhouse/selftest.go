package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

var _ service.ConnectionTestable = (*output)(nil)

// ConnectionTest asks every address for a sign of life and, where the table is
// a literal, for its columns and for the right to insert into them. Nothing is
// stored. There is one result for each address, whose error names the address
// and the field at fault. It needs no Connect and leaves no connection open.
func (o *output) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	nodes := o.nodes()
	results := make(service.ConnectionTestResults, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() {
			if err := errors.Join(n.test(ctx, o.log, o.once()), n.Close()); err != nil {
				results[i] = service.ConnectionTestFailed(err)
				return
			}
			results[i] = service.ConnectionTestSucceeded()
		})
	}
	wg.Wait()
	return results
}

// node is a server together with the configuration, which explains its errors.
type node struct {
	server.Server
	cfg *config
}

// nodes are all servers by connections of their own, to be closed.
func (o *output) nodes() (nodes []node) {
	for _, c := range o.newClusters() {
		for _, s := range c.Replicas() {
			nodes = append(nodes, node{s, &o.cfg})
		}
	}
	return nodes
}

// test goes through what an insert needs, and explains what is missing; with
// once set, what exactly-once delivery needs as well.
func (n node) test(ctx context.Context, log *service.Logger, once bool) error {
	if err := n.Ping(ctx); err != nil {
		return n.explain(err)
	}
	table := n.cfg.namer.literal
	if table == "" {
		return nil
	}
	s, err := n.testColumns(ctx, table)
	if err != nil {
		return n.explain(err)
	}
	w := &window{cfg: n.cfg, table: table, log: log}
	check := w.check
	if once {
		check = w.insist
	}
	if err := check(ctx, n.Server); err != nil {
		return n.explain(err)
	}
	if err := n.testInsert(ctx, s, table); err != nil {
		return n.explainInsert(table, err)
	}
	return nil
}

// explainInsert says why testInsert failed.
func (n node) explainInsert(table string, err error) error {
	if code, ok := server.Code(err); ok && server.ClassOf(code) == server.AccessFault {
		return fmt.Errorf("%s.%s: user %q may not insert into table %q on %s; grant it or choose another user: %w",
			pluginName, fieldUsername, n.cfg.server.Username, n.cfg.qualified(table), n.Address(), n.cfg.redact(err))
	}
	return n.explain(fmt.Errorf("testing an insert into %q: %w", table, err))
}

// explain says which field an error of this replica is about.
func (n node) explain(err error) error {
	if ofTheTable(err) {
		return fmt.Errorf("on %s: %w", n.Address(), err)
	}
	var connect *server.DialError
	if errors.As(err, &connect) { // it names the address too
		err = connect.Err
	}
	return n.cfg.explainFor(n.Address(), err)
}

// testColumns reads the columns that would be inserted.
func (n node) testColumns(ctx context.Context, table string) (*column.Schema, error) {
	t, err := server.ParseTable(table)
	if err != nil {
		return nil, err
	}
	s, err := n.Columns(ctx, t)
	if err != nil {
		return nil, err
	}
	if s, err = pick(s, n.cfg.columns.names); err != nil {
		return nil, err
	}
	if _, err := newBlock(s, n.cfg.times); err != nil {
		return nil, fmt.Errorf("table %q: %w", table, err)
	}
	return s, nil
}

// testInsert inserts no rows, which the server allows to those only who may
// insert some.
func (n node) testInsert(ctx context.Context, s *column.Schema, table string) error {
	t, err := server.ParseTable(table)
	if err != nil {
		return err
	}
	return n.TryInsert(ctx, s, t)
}
