package backpressure

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// config is the user's configuration of the buffer, checked.
type config struct {
	enabled    bool
	limits     gate.Limits
	heartbeat  time.Duration
	alertAfter time.Duration
	written    written // what enabled, limits and alertAfter are made of
	count      int
	byteSize   int64 // a batch is full with so many bytes
	bytesAsked int64 // batch.byte_size; 0 where it is left to us
	period     time.Duration
	groups     []status.Group
	feeds      status.Feeds
	listener   status.Listener // its address is "" when the status server is off
	linkGrace  time.Duration
	admin      status.Admin
	gate       string

	alerting      bool // alerts names an output
	alertInterval time.Duration
}

func parseConfig(p *service.ParsedConfig) (c config, err error) {
	var errs []error
	keep := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	c.written, err = readWritten(p)
	keep(err)
	c.limits.Max, err = p.FieldInt(fieldMaxBufferSize)
	keep(err)
	c.limits.Bytes.Max, err = parseSize(p, fieldMaxBytes)
	keep(err)
	c.bytesAsked, err = parseSize(p, fieldBatch, fieldBatchBytes)
	keep(err)
	c.heartbeat, err = p.FieldDuration(fieldHeartbeat)
	keep(err)
	c.count, err = p.FieldInt(fieldBatch, fieldBatchCount)
	keep(err)
	c.period, err = p.FieldDuration(fieldBatch, fieldBatchPeriod)
	keep(err)
	c.groups, err = parseGroups(p)
	keep(err)
	c.feeds, err = parseFeeds(p)
	keep(err)
	c.listener, err = parseListener(p)
	keep(err)
	c.linkGrace, err = p.FieldDuration(fieldStatusServer, fieldServerGrace)
	keep(err)
	c.admin, err = parseAdmin(p)
	keep(err)
	c.gate, err = p.FieldString(fieldGate)
	keep(err)
	c.alerting = p.Contains(fieldAlerts)
	c.alertInterval, err = p.FieldDuration(fieldAlertInterval)
	keep(err)
	if err := errors.Join(errs...); err != nil {
		return c, err
	}
	return c.with(c.written)
}

// defaultByteSize keeps what the output has in hand at once, which it may hold
// twice, small beside the bound.
func (c config) defaultByteSize() int64 {
	if c.limits.Bytes.Max == 0 {
		return math.MaxInt64
	}
	return max(1, min(c.limits.Bytes.Max/8, c.limits.Bytes.Resume))
}

func (c config) validate() error {
	if err := c.limits.Validate(); err != nil {
		return err
	}
	if c.count < 1 || c.count > c.limits.Resume {
		return fmt.Errorf("batch.count (%d) must be between 1 and resume_threshold (%d records): "+
			"a larger batch would wait for records that a paused input does not deliver", c.count, c.limits.Resume)
	}
	if b := c.limits.Bytes; b.Max > 0 && c.byteSize > b.Resume {
		return fmt.Errorf("batch.byte_size (%d B) must not exceed the resume_threshold in bytes (%d B, a share of max_bytes): "+
			"a larger batch would wait for records that a paused input does not deliver", c.byteSize, b.Resume)
	}
	for field, d := range map[string]time.Duration{
		fieldHeartbeat:                             c.heartbeat,
		fieldBatch + "." + fieldBatchPeriod:        c.period,
		fieldStatusServer + "." + fieldServerGrace: c.linkGrace,
		fieldAlertInterval:                         c.alertInterval,
	} {
		if d <= 0 {
			return fmt.Errorf("%s (%s) must be a duration above zero, for example 5s", field, d)
		}
	}
	return nil
}

// parseGroups reads the groups, ordered by name.
func parseGroups(p *service.ParsedConfig) ([]status.Group, error) {
	v, err := p.FieldAny(fieldGroups)
	if err != nil {
		return nil, err
	}
	byName, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s (%v) must map a name to a list of input labels, for example {CH: [ticks]}", fieldGroups, v)
	}
	var groups []status.Group
	for name, labels := range byName {
		list, ok := labels.([]any)
		if !ok {
			return nil, fmt.Errorf("%s.%s (%v) must be a list of input labels, for example [ticks]", fieldGroups, name, labels)
		}
		g := status.Group{Name: name}
		for _, l := range list {
			g.Labels = append(g.Labels, fmt.Sprint(l))
		}
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b status.Group) int { return strings.Compare(a.Name, b.Name) })
	return groups, nil
}

// parseFeeds reads what feeds the figures of /health that have fixed names.
func parseFeeds(p *service.ParsedConfig) (f status.Feeds, err error) {
	for field, labels := range map[string]*[]string{
		fieldFeedTicks: &f.Ticks, fieldFeedCandles: &f.Candles, fieldFeedExternal: &f.External,
	} {
		if *labels, err = p.FieldStringList(fieldFeeds, field); err != nil {
			return f, err
		}
	}
	f.CHBuffer, err = p.FieldString(fieldFeeds, fieldFeedCHBuffer)
	return f, err
}

// addressPattern is what can be listened on: a host, which may be empty or an address of
// IPv6 in brackets, and the number of a port, 65535 at most.
const addressPattern = `^(?:\[[^\]]*\]|[^:\[\]\s]*):(?:[1-5]?[0-9]{1,4}|6(?:[0-4][0-9]{3}|5(?:[0-4][0-9]{2}|5(?:[0-2][0-9]|3[0-5]))))$`

var addressForm = regexp.MustCompile(addressPattern)
