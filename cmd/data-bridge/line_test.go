package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The line is that of the field's name, in lists too, whatever points the names have;
// where the file does not have the field, it is that of the component.
func TestLineOf(t *testing.T) {
	const text = `# first
input:
  broker:
    inputs:
      - pausable_nats:
          urls: []
      - pausable_kafka:
          topics:
            - x
output:
  clickhouse:
    table:

      "t"
    columns:
      a.b: {x: this.x}
      a:
        b.c: this.c
        d: this.d
`
	for path, want := range map[string]int{
		"input.broker.inputs.1.pausable_kafka.topics": 8,
		"input.broker.inputs.0.pausable_nats.urls":    6,
		"input.broker.inputs.1":                       7,
		"output.clickhouse.table":                     12,
		"output.clickhouse.columns.a.b.x":             16,
		"output.clickhouse.columns.a.b.c":             18, // a.b is there, and has no c
		"output.clickhouse.columns.a.d":               19,

		"input.broker.inputs.2.pausable_kafka":  0,
		"input.broker.inputs.-1.pausable_kafka": 0,
		"input.broker.inputs.x":                 0,
		"output.clickhouse.table.x":             0,
		"output.kafka":                          0,
	} {
		assert.Equal(t, max(1, want), lineOf([]byte(text), path, 1), path)
	}
	assert.Equal(t, 11, lineOf([]byte(text), "input.broker.inputs", 11), "what stands before the component is another one's")
	for _, broken := range []string{"", "a: [", "# nothing"} {
		assert.Equal(t, 3, lineOf([]byte(broken), "a", 3), broken)
	}
}
