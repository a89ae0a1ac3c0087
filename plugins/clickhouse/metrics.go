package clickhouse

import (
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// metrics are the events that Benthos exports, by table where nothing else is
// said. What is a state is exported by the board: see status.Output.Export.
type metrics struct {
	rows, bytes, batches *service.MetricCounter
	retries              *service.MetricCounter // by table and class
	deadLetters          *service.MetricCounter
	deduplicated         *service.MetricCounter
	unmatched            *service.MetricCounter
	processorErrors      *service.MetricCounter
	defaultInserts       *service.MetricCounter
	batchRows            *service.MetricTimer // a histogram of rows, not of time
	insert               *service.MetricTimer
	replica              *service.MetricGauge // by server: whether its breaker is closed
}

func newMetrics(m *service.Metrics) metrics {
	return metrics{
		rows:        m.NewCounter("clickhouse_rows", "table"),
		bytes:       m.NewCounter("clickhouse_bytes", "table"),
		batches:     m.NewCounter("clickhouse_batches", "table"),
		retries:     m.NewCounter("clickhouse_retries", "table", "class"),
		deadLetters: m.NewCounter("clickhouse_dead_letters", "table"),

		deduplicated: m.NewCounter("clickhouse_deduplicated_rows", "table"),
		unmatched:    m.NewCounter("clickhouse_unmatched_rows", "table"),

		processorErrors: m.NewCounter("clickhouse_processor_errors", "table"),

		defaultInserts: m.NewCounter("clickhouse_default_inserts", "table"),

		batchRows: m.NewTimer("clickhouse_batch_rows", "table"),
		insert:    m.NewTimer("clickhouse_insert_ns", "table"),
		replica:   m.NewGauge("clickhouse_replica_up", "server"),
	}
}

// begin shows the counters of a table before anything is counted: an increase
// cannot be told of a series that was not there.
func (m *metrics) begin(table string) {
	m.rows.Incr(0, table)
	m.bytes.Incr(0, table)
	m.batches.Incr(0, table)
	m.deadLetters.Incr(0, table)
	m.deduplicated.Incr(0, table)
	m.unmatched.Incr(0, table)
	m.processorErrors.Incr(0, table)
	m.defaultInserts.Incr(0, table)
	for c := range server.Classes {
		m.retries.Incr(0, table, c.Label())
	}
}

// showReplicas shows every server as up until it is found to be lost.
func (o *output) showReplicas() {
	for _, c := range o.clusters {
		for address, up := range c.Up() {
			o.metrics.replica.Set(status.Flag(up), address)
		}
	}
}
