package backpressure

import (
	"math"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// described is what people are shown of the configuration: nothing that is secret.
func (c config) described() []status.Setting {
	l := c.limits
	list := []status.Setting{
		{Name: fieldEnabled, Value: c.enabled},
		{Name: fieldMaxBufferSize, Value: l.Max},
		{Name: fieldPauseThreshold, Value: l.Pause},
		{Name: fieldYieldThreshold, Value: l.Yield},
		{Name: fieldResumeThreshold, Value: l.Resume},
		{Name: fieldMaxBytes, Value: size(l.Bytes.Max)},
		{Name: fieldBatch + "." + fieldBatchCount, Value: c.count},
		{Name: fieldBatch + "." + fieldBatchBytes, Value: size(c.byteSize)},
		{Name: fieldBatch + "." + fieldBatchPeriod, Value: status.Span(c.period)},
		{Name: fieldHeartbeat, Value: status.Span(c.heartbeat)},
		{Name: fieldAlertAfter, Value: status.Span(c.alertAfter)},
		{Name: fieldStatusServer + "." + fieldServerGrace, Value: status.Span(c.linkGrace)},
		{Name: fieldStatusServer + "." + fieldAdmin + "." + fieldAdminEnabled, Value: c.admin.Enabled},
	}
	for _, g := range c.groups {
		list = append(list, status.Setting{Name: fieldGroups + "." + g.Name, Value: g.Labels})
	}
	if c.alerting {
		list = append(list, status.Setting{Name: fieldAlertInterval, Value: status.Span(c.alertInterval)})
	}
	return list
}

// size words a bound in bytes.
func size(n int64) string {
	if n == 0 || n == math.MaxInt64 {
		return "not bounded"
	}
	return formatSize(n)
}
