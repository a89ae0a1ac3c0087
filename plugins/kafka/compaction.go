package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
)

const (
	cleanupPolicy = "cleanup.policy"
	compaction    = "compact"
)

// checkCompaction refuses compacted topics under exactly_once: a chunk whose
// records vanish one by one cannot be formed again. What this user may not look up
// is taken to be in order.
func (c *config) checkCompaction(ctx context.Context, admin *kadm.Client) error {
	if !c.exactlyOnce {
		return nil
	}
	configs, err := admin.DescribeTopicConfigs(ctx, c.topics...)
	if err != nil {
		return nil //nolint:nilerr // may not look it up
	}
	var errs []error
	for _, topic := range configs {
		for _, entry := range topic.Configs {
			if entry.Key == cleanupPolicy && strings.Contains(entry.MaybeValue(), compaction) {
				errs = append(errs, fmt.Errorf("exactly_once is set, but topic %q is compacted (%s=%s): its chunks cannot be formed again after a crash; choose another topic, or turn exactly_once off",
					topic.Name, cleanupPolicy, entry.MaybeValue()))
			}
		}
	}
	return errors.Join(errs...)
}
