// Command connect is a stock Redpanda Connect with the components that the
// benchmark needs and no others: the Apache-2.0 ones for Kafka, NATS and SQL. It
// is a module of its own, so that none of it enters the product's go.mod.
package main

import (
	"context"

	_ "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/redpanda-data/connect/v4/public/components/io"
	_ "github.com/redpanda-data/connect/v4/public/components/kafka"
	_ "github.com/redpanda-data/connect/v4/public/components/nats"
	_ "github.com/redpanda-data/connect/v4/public/components/pure"
	_ "github.com/redpanda-data/connect/v4/public/components/sql/base"
)

func main() { service.RunCLI(context.Background()) }
