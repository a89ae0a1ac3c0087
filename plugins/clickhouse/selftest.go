package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

var _ service.ConnectionTestable = (*output)(nil)

// ConnectionTest asks every address for a sign of life and, where the table is
// a literal, for its columns and for the right to insert into them. Nothing is
// stored. There is one result for each address, whose error names the address
// and the field at fault. It needs no Connect and leaves no connection open.
func (o *output) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	var replicas []*replica
	for _, c := range newClusters(&o.cfg, o.log, &o.metrics) {
		replicas = append(replicas, c.replicas...)
	}
	results := make(service.ConnectionTestResults, len(replicas))
	var wg sync.WaitGroup
	for i, r := range replicas {
		wg.Go(func() {
			if err := errors.Join(r.test(ctx, o.log, o.once()), r.close()); err != nil {
				results[i] = service.ConnectionTestFailed(err)
				return
			}
			results[i] = service.ConnectionTestSucceeded()
		})
	}
	wg.Wait()
	return results
}

// test goes through what an insert needs, and explains what is missing; with
// once set, what exactly-once delivery needs as well.
func (r *replica) test(ctx context.Context, log *service.Logger, once bool) error {
	if err := r.ping(ctx); err != nil {
		return r.explain(err)
	}
	table := r.cfg.namer.literal()
	if table == "" {
		return nil
	}
	s, err := r.testColumns(ctx, table)
	if err != nil {
		return r.explain(err)
	}
	w := &window{cfg: r.cfg, table: table, log: log}
	check := w.check
	if once {
		check = w.insist
	}
	if err := check(ctx, r); err != nil {
		return r.explain(err)
	}
	if err := r.testInsert(ctx, s); err != nil {
		return r.explainInsert(table, err)
	}
	return nil
}

// explainInsert says why testInsert failed.
func (r *replica) explainInsert(table string, err error) error {
	if code, ok := serverCode(err); ok && classOf(code) == accessFault {
		return fmt.Errorf("%s.%s: user %q may not insert into table %q on %s; grant it or choose another user: %w",
			pluginName, fieldUsername, r.cfg.username, r.cfg.qualified(table), r.address, r.cfg.redact(err))
	}
	return r.explain(fmt.Errorf("testing an insert into %q: %w", table, err))
}

// explain says which field an error of this replica is about.
func (r *replica) explain(err error) error {
	var missing *columnMissingError
	if errors.As(err, &missing) || errors.Is(err, errUnsupported) || errors.Is(err, errNoWindow) {
		return fmt.Errorf("on %s: %w", r.address, err)
	}
	var connect *dialError
	if errors.As(err, &connect) { // it names the address too
		err = connect.err
	}
	return r.cfg.explainFor(r.address, err)
}

// testColumns reads the columns that would be inserted.
func (r *replica) testColumns(ctx context.Context, table string) (*column.Schema, error) {
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.readTimeout)
	defer cancel()
	s, err := readSchema(ctx, conn, table)
	if err != nil {
		return nil, err
	}
	if s, err = pick(s, r.cfg.columns.names); err != nil {
		return nil, err
	}
	if _, err := newBlock(s, r.cfg.times); err != nil {
		return nil, fmt.Errorf("table %q: %w", table, err)
	}
	return s, nil
}

// testInsert inserts no rows, which the server allows to those only who may
// insert some.
func (r *replica) testInsert(ctx context.Context, s *column.Schema) error {
	conn, err := r.conn()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.insertTimeout)
	defer cancel()
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = quote(c.Name)
	}
	statement := "INSERT INTO " + quoteTable(s.Table) + "(" + strings.Join(names, ",") + ")"
	if r.cfg.http { // where the driver keeps an empty batch to itself
		return conn.InsertFormat(ctx, "Native", statement, strings.NewReader(""))
	}
	batch, err := conn.PrepareBatch(ctx, statement)
	if err != nil {
		return err
	}
	return batch.Close()
}
