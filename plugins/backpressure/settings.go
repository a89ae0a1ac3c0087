package backpressure

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// changeable are the fields that can be changed while the buffer runs, in the order of
// the reference.
var changeable = []string{fieldEnabled, fieldPauseThreshold, fieldYieldThreshold, fieldResumeThreshold, fieldAlertAfter}

// written are the values of the changeable fields as somebody wrote them.
type written map[string]any

func readWritten(p *service.ParsedConfig) (written, error) {
	w := written{}
	var errs []error
	for _, field := range changeable {
		v, err := p.FieldAny(field)
		w[field] = v
		errs = append(errs, err)
	}
	on, err := p.FieldBool(fieldEnabled) // which takes text, as that of a variable
	w[fieldEnabled] = on
	return w, errors.Join(append(errs, err)...)
}

// with returns the configuration with these values of the changeable fields, checked as
// a whole.
func (c config) with(w written) (_ config, err error) {
	c.written = w
	switch on := w[fieldEnabled]; fmt.Sprint(on) {
	case "true":
		c.enabled = true
	case "false":
		c.enabled = false
	default:
		return c, fmt.Errorf("%s (%v) must be true or false", fieldEnabled, on)
	}
	if c.limits, err = w.limits(c.limits.Max, c.limits.Bytes.Max); err != nil {
		return c, err
	}
	text := strings.TrimSpace(fmt.Sprint(w[fieldAlertAfter]))
	if c.alertAfter, err = time.ParseDuration(text); err != nil || c.alertAfter <= 0 {
		return c, fmt.Errorf("%s (%s) must be a duration above zero, for example 5s", fieldAlertAfter, text)
	}
	c.byteSize = c.bytesAsked
	if err := c.validate(); err != nil {
		return c, err
	}
	if c.byteSize == 0 {
		c.byteSize = c.defaultByteSize()
	}
	return c, nil
}

// limits are the thresholds below these bounds; a bound of zero bytes is none.
func (w written) limits(most int, mostBytes int64) (l gate.Limits, err error) {
	if l.Max = most; most < 1 {
		return l, fmt.Errorf("%s (%d) must be a whole number of messages, 1 at least, for example 50000", fieldMaxBufferSize, most)
	}
	if l.Pause, err = w.threshold(fieldPauseThreshold, most); err != nil {
		return l, err
	}
	if l.Resume, err = w.threshold(fieldResumeThreshold, most); err != nil {
		return l, err
	}
	// By default it is below the pause threshold, whatever that is.
	if l.Yield = l.Pause * 3 / 4; w[fieldYieldThreshold] != "" {
		if l.Yield, err = w.threshold(fieldYieldThreshold, most); err != nil {
			return l, err
		}
	}
	if mostBytes == 0 {
		return l, nil
	}
	return l.WithBytes(mostBytes), nil
}

// errThreshold is what lint and the constructor say of what is no threshold.
const errThreshold = "%s (%s) must be a whole number of messages, for example 40000, or a percentage between 0%% and 100%%, for example 80%%"

// threshold reads a count of messages or a percentage of most.
func (w written) threshold(field string, most int) (int, error) {
	text := strings.TrimSpace(fmt.Sprint(w[field]))
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		share, err := strconv.ParseFloat(percent, 64)
		if err != nil || !(share >= 0 && share <= 100) {
			return 0, fmt.Errorf(errThreshold, field, text)
		}
		return int(math.Round(float64(most) * share / 100)), nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf(errThreshold, field, text)
	}
	return n, nil
}

// changed returns the values with some changed; nil makes one what the configuration
// says. Names that cannot be changed are refused.
func (w written) changed(changes map[string]any, configured written) (written, error) {
	next := maps.Clone(w)
	for name, v := range changes {
		if _, ok := configured[name]; !ok {
			return nil, fmt.Errorf("%s cannot be changed while the stream runs; what can: %s", name, strings.Join(changeable, ", "))
		}
		if next[name] = v; v == nil {
			next[name] = configured[name]
		}
	}
	return next, nil
}
