package backpressure

import (
	"fmt"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
)

// Facts reads the configuration of a buffer, in YAML, for those who examine a
// stream without running it. No buffer is made: one that the host starts would
// serve /health.
func Facts(yaml string) (checkup.Buffer, error) {
	parsed, err := spec().ParseYAML(yaml, nil)
	if err != nil {
		return checkup.Buffer{}, err
	}
	c, err := parseConfig(parsed)
	if err != nil {
		return checkup.Buffer{}, fmt.Errorf("backpressure: %w", err)
	}
	return checkup.Buffer{
		Enabled: c.enabled,
		Max:     c.limits.Max, Pause: c.limits.Pause, Resume: c.limits.Resume,
		MaxBytes:    c.limits.Bytes.Max,
		BatchCount:  c.count,
		BatchBytes:  c.byteSize,
		BatchPeriod: c.period,
	}, nil
}
