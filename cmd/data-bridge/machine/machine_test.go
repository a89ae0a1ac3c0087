package machine

import (
	"errors"
	"math"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/stretchr/testify/assert"
)

func none() (uint64, error) { return 0, errors.New("unknown") }

func TestTheLowestLimitCounts(t *testing.T) {
	for name, c := range map[string]struct {
		cgroup, system memlimit.Provider
		bytes          int64
		source         string
	}{
		"container":        {memlimit.Limit(300), memlimit.Limit(1000), 300, "the cgroup's limit"},
		"larger container": {memlimit.Limit(3000), memlimit.Limit(1000), 1000, "the machine's memory"},
		"no limit":         {none, memlimit.Limit(1000), 1000, "the machine's memory"},
		"beyond int64":     {memlimit.Limit(math.MaxUint64), memlimit.Limit(1000), 1000, "the machine's memory"},
		"unknown machine":  {memlimit.Limit(300), none, 300, "the cgroup's limit"},
		"nothing known":    {none, none, 0, ""},
	} {
		bytes, source := least(c.cgroup, c.system)
		assert.Equal(t, c.bytes, bytes, name)
		assert.Equal(t, c.source, source, name)
	}
	bytes, _ := Memory()
	assert.Positive(t, bytes, "this machine has memory")
}
