package robustness

import (
	"fmt"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"github.com/data-bridge-io/data-bridge/tests/robustness/validate"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// token is what an operator has.
const token = "open sesame"

// window is how many inserts a table remembers.
const window = 100_000

// createTable is the statement that makes a table.
func createTable(name string, legacy bool) string {
	create := "CREATE TABLE " + name + " (" + validate.Columns + ") ENGINE = MergeTree ORDER BY tuple()"
	if legacy {
		return stack.LegacySQL(create)
	}
	return create + fmt.Sprintf(" SETTINGS non_replicated_deduplication_window = %d", window)
}

// object is a part of a configuration.
type object = map[string]any

// writeConfig writes the configuration of the bridge: what differs from process to
// process is in its environment.
func (r *Run) writeConfig() error {
	var inputs []any
	for _, s := range r.sources {
		in := object{"label": s.Name}
		for kind, config := range s.input {
			in[kind] = config
		}
		inputs = append(inputs, in)
	}
	input := object{"broker": object{"inputs": inputs}}
	if len(inputs) == 1 {
		input = inputs[0].(object)
	}
	config := object{
		"input":  input,
		"buffer": object{"backpressure": r.buffer()},
		"output": object{"label": "clickhouse", "clickhouse": r.output()},
		"http":   object{"enabled": false},
		"logger": object{"level": "INFO", "format": "json"},
		// An end that ClickHouse holds up is one by force, soon.
		"shutdown_delay": "500ms", "shutdown_timeout": "6s",
	}
	text, err := yaml.Marshal(config)
	if err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	r.config = filepath.Join(r.dir, "config.yaml")
	return os.WriteFile(r.config, text, 0o600)
}

func (r *Run) buffer() object {
	return object{
		"max_buffer_size": bufferSize, "max_bytes": "32MiB", "heartbeat_interval": "1s",
		"batch": object{"count": bufferSize / 4, "period": "100ms"},
		"status_server": object{
			"address": "${STATUS_ADDRESS}",
			"admin":   object{"enabled": true, "token": token},
		},
	}
}

func (r *Run) output() object {
	house := r.house
	return object{
		"addresses": []string{r.link.Addr()}, "protocol": house.Protocol(), "database": "robustness",
		"username": house.User(), "password": house.Password(), "table": "${! @table }",
		"preserve_order": r.setup.Ordered,
		"dial_timeout":   "2s", "read_timeout": "5s", "insert_timeout": "20s",
		"retry":       object{"max_interval": "500ms"},
		"dead_letter": object{"dead_letter_file": object{"path": r.letters("${INSTANCE}")}},
	}
}
