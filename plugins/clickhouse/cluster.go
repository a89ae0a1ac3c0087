package clickhouse

import (
	"context"
	"errors"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// STUB: replaced by the servers' engineer's.
type features struct {
	token, insertDeduplicate, deduplicateInsert, dependentViews bool
}

type replica struct {
	conn     driver.Conn
	features features
}

type cluster struct {
	cfg *config
	one *replica
}

func (c *cluster) connect(ctx context.Context) error {
	conn, err := c.cfg.dial(ctx)
	if err != nil {
		return err
	}
	c.one = &replica{conn: conn}
	rows, err := conn.Query(ctx, "SELECT name FROM system.settings WHERE name IN ('insert_deduplication_token','insert_deduplicate','deduplicate_insert','deduplicate_blocks_in_dependent_materialized_views')")
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		switch name {
		case "insert_deduplication_token":
			c.one.features.token = true
		case "insert_deduplicate":
			c.one.features.insertDeduplicate = true
		case "deduplicate_insert":
			c.one.features.deduplicateInsert = true
		default:
			c.one.features.dependentViews = true
		}
	}
	return rows.Err()
}

func (c *cluster) do(ctx context.Context, f func(context.Context, *replica) error) error {
	if c.one == nil {
		return errors.New("not connected")
	}
	return f(ctx, c.one)
}

func (c *cluster) close() error {
	if c.one == nil {
		return nil
	}
	return c.one.conn.Close()
}
