package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func TestMayChange(t *testing.T) {
	for text, want := range map[string]bool{
		"{clickhouse: {table: t, dead_letter: {drop: {}}}}":                                  false,
		"{threads: 4, processors: []}":                                                       false,
		"{processors: [{mapping: root = this}]}":                                             true,
		"{broker: {outputs: [{drop: {}}, {drop: {}, processors: [{noop: {}}]}]}}":            true,
		"{resource: elsewhere}":                                                              true,
		"{clickhouse: {dead_letter: {file: {path: x}, processors: [{mapping: root = @x}]}}}": true,
	} {
		var node any
		require.NoError(t, yaml.Unmarshal([]byte(text), &node))
		assert.Equal(t, want, mayChange(node), text)
	}
	assert.False(t, mayChange(nil))
}
