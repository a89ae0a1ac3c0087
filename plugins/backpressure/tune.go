package backpressure

import (
	"fmt"
	"strings"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// now is the configuration as it is at work: with the settings that an operator has
// changed. What it does not name in changeable is that of conf.
func (b *buffer) now() *config { return b.live.Load() }

// ChangeSettings implements status.Operator: all of the changes are made, or none. They
// are checked as the configuration is.
func (o operator) ChangeSettings(changes map[string]any) error {
	o.tuning.Lock()
	defer o.tuning.Unlock()
	if o.stopping() {
		return status.ErrStopping
	}
	before := o.now()
	asked, err := before.written.changed(changes, o.conf.written)
	if err != nil {
		return err
	}
	after, err := o.conf.with(asked)
	if err != nil {
		return err
	}
	o.logChanges(*before, after)
	o.adjust(after)
	return nil
}

// ResetSettings implements status.Operator.
func (o operator) ResetSettings() error {
	changes := map[string]any{}
	for _, field := range changeable {
		changes[field] = nil
	}
	return o.ChangeSettings(changes)
}

func (b *buffer) stopping() bool {
	b.mu.Lock()
	over := b.closed || b.ended
	b.mu.Unlock()
	return over || b.gate.State().Draining
}

// adjust puts a configuration to work that differs from the one before in what can be
// changed. The gate decides before it returns.
func (b *buffer) adjust(next config) {
	b.changedAt.Store(time.Now().UnixNano())
	b.mu.Lock()
	b.live.Store(&next)
	b.control.Adjust(next.limits, next.enabled)
	b.observe()
	b.mu.Unlock()
	signal(b.ready) // when batches leave depends on the thresholds
	b.publishSettings()
}

// setting is one of those that can be changed, as it is at work.
type setting struct {
	name  string
	value any // a bool, a number of records, or a duration as text
}

func (c config) settings() []setting {
	return []setting{
		{fieldEnabled, c.enabled},
		{fieldPauseThreshold, c.limits.Pause},
		{fieldYieldThreshold, c.limits.Yield},
		{fieldResumeThreshold, c.limits.Resume},
		{fieldAlertAfter, c.alertAfter.String()},
	}
}

// overrides are the settings that differ from what the stream was given.
func (b *buffer) overrides(now config) (list []status.Override) {
	configured := b.conf.settings()
	for i, s := range now.settings() {
		if s != configured[i] {
			list = append(list, status.Override{
				Setting: s.name, Configured: configured[i].value, Current: s.value, Since: status.Time(time.Unix(0, b.changedAt.Load())),
			})
		}
	}
	return list
}

// overridden names those settings, for the heartbeat.
func (b *buffer) overridden() string {
	var names []string
	for _, o := range b.overrides(*b.now()) {
		names = append(names, o.Setting)
	}
	return strings.Join(names, ",")
}

// logChanges says what is about to change, in the words of the start where they hold no
// longer.
func (o operator) logChanges(before, after config) {
	old := before.settings()
	for i, s := range after.settings() {
		if s != old[i] {
			o.log.With("setting", s.name, "from", fmt.Sprint(old[i].value), "to", fmt.Sprint(s.value), "remote", o.remote).
				Info("An operator changes a setting until the stream stops")
		}
	}
	if before.enabled != after.enabled || before.limits != after.limits {
		o.logSettings(after)
	}
}
