package backpressure

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
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
	count      int
	byteSize   int64 // a batch is full with so many bytes
	period     time.Duration
	groups     []status.Group
	feeds      status.Feeds
	listener   status.Listener // its address is "" when the status server is off
	linkGrace  time.Duration
	admin      status.Admin
	gate       string
}

func parseConfig(p *service.ParsedConfig) (c config, err error) {
	var errs []error
	keep := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	c.enabled, err = p.FieldBool(fieldEnabled)
	keep(err)
	c.limits, err = parseLimits(p)
	keep(err)
	c.byteSize, err = parseSize(p, fieldBatch, fieldBatchBytes)
	keep(err)
	c.heartbeat, err = p.FieldDuration(fieldHeartbeat)
	keep(err)
	c.alertAfter, err = p.FieldDuration(fieldAlertAfter)
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
	if err := errors.Join(errs...); err != nil {
		return c, err
	}
	if err := c.validate(); err != nil {
		return c, err
	}
	if c.byteSize == 0 {
		c.byteSize = c.defaultByteSize()
	}
	return c, nil
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
		fieldAlertAfter:                            c.alertAfter,
		fieldBatch + "." + fieldBatchPeriod:        c.period,
		fieldStatusServer + "." + fieldServerGrace: c.linkGrace,
	} {
		if d <= 0 {
			return fmt.Errorf("%s (%s) must be a duration above zero, for example 5s", field, d)
		}
	}
	return nil
}

func parseLimits(p *service.ParsedConfig) (l gate.Limits, err error) {
	if l.Max, err = p.FieldInt(fieldMaxBufferSize); err != nil {
		return l, err
	}
	if l.Max < 1 {
		return l, fmt.Errorf("%s (%d) must be a whole number of messages, 1 at least, for example 50000", fieldMaxBufferSize, l.Max)
	}
	if l.Pause, err = parseThreshold(p, fieldPauseThreshold, l.Max); err != nil {
		return l, err
	}
	if l.Resume, err = parseThreshold(p, fieldResumeThreshold, l.Max); err != nil {
		return l, err
	}
	if l.Yield, err = parseYield(p, l); err != nil {
		return l, err
	}
	bytes, err := parseSize(p, fieldMaxBytes)
	if err != nil || bytes == 0 {
		return l, err
	}
	return l.WithBytes(bytes), nil
}

// parseYield reads the yield threshold: by default it is below the pause threshold,
// whatever that is.
func parseYield(p *service.ParsedConfig, l gate.Limits) (int, error) {
	if v, err := p.FieldAny(fieldYieldThreshold); err != nil || v == "" {
		return l.Pause * 3 / 4, err
	}
	return parseThreshold(p, fieldYieldThreshold, l.Max)
}

// errThreshold is what lint and the constructor say of what is no threshold.
const errThreshold = "%s (%s) must be a whole number of messages, for example 40000, or a percentage between 0%% and 100%%, for example 80%%"

// parseThreshold reads a count of messages or a percentage of limit.
func parseThreshold(p *service.ParsedConfig, field string, limit int) (int, error) {
	v, err := p.FieldAny(field)
	if err != nil {
		return 0, err
	}
	text := strings.TrimSpace(fmt.Sprint(v))
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		share, err := strconv.ParseFloat(percent, 64)
		if err != nil || !(share >= 0 && share <= 100) {
			return 0, fmt.Errorf(errThreshold, field, text)
		}
		return int(math.Round(float64(limit) * share / 100)), nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf(errThreshold, field, text)
	}
	return n, nil
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
// IPv6 in brackets, and the number of a port.
const addressPattern = `^(?:\[[^\]]*\]|[^:\[\]\s]*):[0-9]{1,5}$`

var addressForm = regexp.MustCompile(addressPattern)
