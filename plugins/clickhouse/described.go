package clickhouse

import "github.com/data-bridge-io/data-bridge/plugins/status"

// described is what people are shown of the configuration: nothing that is secret, and
// of the servers how many there are.
func (c *config) described() []status.Setting {
	failed, unknown, missing := failedDeadLetter, unknownIgnore, missingDefault
	if c.storeFailed {
		failed = failedStore
	}
	if c.rejectUnknown {
		unknown = unknownReject
	}
	if c.rejectMissing {
		missing = missingError
	}
	replicas := 0
	for _, shard := range c.shards {
		replicas += len(shard)
	}
	return []status.Setting{
		{Name: fieldTable, Value: c.table},
		{Name: "servers", Value: replicas},
		{Name: fieldMaxInFlight, Value: c.width()},
		{Name: fieldPreserveOrder, Value: c.preserveOrder},
		{Name: fieldDeduplicate, Value: c.deduplicate},
		{Name: fieldDeadLetter, Value: c.deadLetter},
		{Name: fieldMaxDeadLetterShare, Value: c.mostBad},
		{Name: fieldOnProcessorError, Value: failed},
		{Name: fieldUnknownFields, Value: unknown},
		{Name: fieldMissingFields, Value: missing},
		{Name: fieldRetry + "." + fieldInitialInterval, Value: status.Span(c.backoff.Initial)},
		{Name: fieldRetry + "." + fieldMaxInterval, Value: status.Span(c.backoff.Max)},
		{Name: fieldRetry + "." + fieldMaxRetries, Value: c.maxRetries},
		{Name: fieldSchemaRefresh, Value: status.Span(c.schemaRefresh)},
	}
}
