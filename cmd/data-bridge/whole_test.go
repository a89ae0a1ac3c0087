package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func TestOnlyStores(t *testing.T) {
	for text, want := range map[string]bool{
		"output: {label: ch, clickhouse: {table: t, dead_letter: {drop: {}, processors: [{noop: {}}]}}}": true,
		"output: {clickhouse: {}, processors: []}\npipeline: {threads: 4, processors: []}":               true,
		"output: {clickhouse: {}}\npipeline: {processors: [{mapping: root = this}]}":                     false,
		"output: {clickhouse: {}, processors: [{noop: {}}]}":                                             false,
		"output: {fallback: [{clickhouse: {}}, {drop: {}}]}":                                             false,
		"output: {a_template: {}}": false,
		"output: {drop: {}}":       false,
		"{}":                       false,
	} {
		root := map[string]any{}
		require.NoError(t, yaml.Unmarshal([]byte(text), &root))
		assert.Equal(t, want, onlyStores(root["pipeline"], root["output"]), text)
	}
}
