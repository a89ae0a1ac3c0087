package clickhouse

import "github.com/data-bridge-io/data-bridge/plugins/status"

// publish brings the figures up to date. The queue is what waits for a retry,
// is being tried again, or waits behind those.
func (l *lane) publish() {
	before := l.figures.Queue().Batches
	defer func() {
		if l.figures.Queue().Batches != before {
			l.changed()
		}
	}()
	waiting := l.retries
	if l.probing != nil {
		waiting = append([]*chunk{l.probing}, waiting...)
	}
	if len(waiting) == 0 {
		l.figures.SetQueue(status.Queue{})
		return
	}
	q := waiting[0].queued()
	q.Batches = int64(len(l.fresh))
	for _, c := range waiting {
		q.Batches += int64(len(c.deliveries))
	}
	l.figures.SetQueue(q)
}
