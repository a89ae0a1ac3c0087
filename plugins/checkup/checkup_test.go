package checkup

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSeverities(t *testing.T) {
	for i, a := range order {
		for j, b := range order {
			assert.Equal(t, i >= j, a.AtLeast(b), "%s at least %s", a, b)
		}
	}
}

// Components join a roster that is open, and nothing where there is none.
func TestRoster(t *testing.T) {
	res := service.MockResources()
	Join(res, "early")
	r := Open(res)
	require.Same(t, r, Open(res), "there is one")
	Join(res, "component")
	entries := r.Entries()
	require.Len(t, entries, 1)
	assert.Equal(t, "component", entries[0].Component)
	assert.Equal(t, "ticks", Entry{Label: "ticks", Path: []string{"input"}}.Name())
	assert.Equal(t, "input.broker", Entry{Path: []string{"input", "broker"}}.Name())
}
