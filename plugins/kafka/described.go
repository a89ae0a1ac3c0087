package kafka

import "github.com/data-bridge-io/data-bridge/plugins/status"

// described is what people are shown of the configuration: nothing that is secret.
func (c *config) described() []status.Setting {
	topics := fieldTopics
	if c.regexp {
		topics = fieldRegexpInclude
	}
	list := []status.Setting{{Name: topics, Value: c.topics}}
	if c.group != "" {
		list = append(list, status.Setting{Name: fieldConsumerGroup, Value: c.group})
	}
	return append(list,
		status.Setting{Name: fieldExactlyOnce, Value: c.exactlyOnce},
		status.Setting{Name: fieldBatch + "." + fieldCount, Value: c.batchCount},
		status.Setting{Name: fieldBatch + "." + fieldPeriod, Value: status.Span(c.batchPeriod)},
		status.Setting{Name: fieldCommitPeriod, Value: status.Span(c.commitPeriod)},
		status.Setting{Name: fieldRecordsPerMessage, Value: c.perMessage},
	)
}
