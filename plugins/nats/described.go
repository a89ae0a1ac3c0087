package nats

import "github.com/data-bridge-io/data-bridge/plugins/status"

// described is what people are shown of the configuration: nothing that is secret.
func (c coreConfig) described() []status.Setting {
	onPause := onPauseDrop
	switch {
	case c.conflate.enabled:
		onPause = onPauseConflate
	case c.leave:
		onPause = onPauseLeave
	}
	list := []status.Setting{{Name: fieldSubjects, Value: c.subjects}}
	if c.queue != "" {
		list = append(list, status.Setting{Name: fieldQueue, Value: c.queue})
	}
	return append(append(list, status.Setting{Name: fieldOnPause, Value: onPause}), c.batching.described()...)
}

func (c jetConfig) described() []status.Setting {
	list := []status.Setting{{Name: fieldStream, Value: c.stream}, {Name: fieldDurable, Value: c.durable}}
	if len(c.subjects) > 0 {
		list = append(list, status.Setting{Name: fieldSubjects, Value: c.subjects})
	}
	list = append(list,
		status.Setting{Name: fieldAckWait, Value: status.Span(c.ackWait)},
		status.Setting{Name: fieldMaxAckPending, Value: c.maxAckPending},
	)
	return append(list, c.batching.described()...)
}

func (b batching) described() []status.Setting {
	return []status.Setting{
		{Name: fieldBatch + "." + fieldCount, Value: b.count},
		{Name: fieldBatch + "." + fieldPeriod, Value: status.Span(b.period)},
		{Name: fieldPerMessage, Value: b.perMessage},
	}
}
