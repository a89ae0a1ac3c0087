package main

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type quiet struct{ gate.Watcher }

func TestExitCodeTellsOfUnsettledRecords(t *testing.T) {
	s := newStopper()
	assert.Equal(t, 0, s.exitCode(0), "no stream was started")
	res := service.MockResources()
	s.registry.Store(gate.RegistryOf(res))
	assert.Equal(t, 0, s.exitCode(0))

	c := gate.Of(res, "").Controller(gate.Limits{Max: 10, Pause: 8, Resume: 4}, true, quiet{})
	c.Attach()
	c.Observe(gate.Level{Records: 3})
	assert.Equal(t, 1, s.exitCode(0))
	assert.Equal(t, 2, s.exitCode(2), "the host's own code is kept")
	c.Observe(gate.Level{})
	assert.Equal(t, 0, s.exitCode(0))

	// A reload that was forced is no matter of the end that comes hours later.
	c.Detach(3)
	gate.Of(res, "").Controller(gate.Limits{Max: 10, Pause: 8, Resume: 4}, true, quiet{}).Attach()
	assert.Equal(t, 0, s.exitCode(0))
}

// The tracer must leave contexts alone: that is what it is for.
func TestPlainTracer(t *testing.T) {
	p, err := newPlainTracer(nil)
	require.NoError(t, err)
	ctx := t.Context()
	got, span := p.Tracer("x").Start(ctx, "op")
	assert.Equal(t, ctx, got)
	assert.False(t, span.IsRecording())
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = p.Tracer("x").Start(context.Background(), "op")
	}))
}

func TestSchemaHasAShutdownDelay(t *testing.T) {
	text, err := schema().MarshalJSONV0()
	require.NoError(t, err)
	var parsed struct {
		Config []struct {
			Name    string `json:"name"`
			Default any    `json:"default"`
		} `json:"config"`
	}
	require.NoError(t, json.Unmarshal(text, &parsed))
	for _, f := range parsed.Config {
		if f.Name == "shutdown_delay" {
			assert.Equal(t, "1s", f.Default)
			return
		}
	}
	t.Fatal("the schema has no shutdown_delay")
}
