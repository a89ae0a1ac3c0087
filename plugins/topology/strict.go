package topology

import "gopkg.in/yaml.v3"

// errorHandling is the part of a configuration that says what the host itself does with
// messages that a processor has failed at.
const errorHandling = "error_handling"

// strictly says what strict error handling comes to behind our buffer.
const strictly = "must not be true behind the backpressure buffer: the host then rejects a message that a processor has failed at and writes its neighbours; the buffer cannot see which messages of a batch failed, " +
	"and would send all of them again for ever. Leave it out: the clickhouse output makes dead letters of such messages (on_processor_error)"

// strictOf reports whether a configuration asks for strict error handling, and where.
func strictOf(conf Config) (strict bool, line int) {
	if node, ok := conf[errorHandling].(*yaml.Node); ok {
		line = node.Line
	}
	v, err := plain(conf[errorHandling])
	fields, _ := v.(map[string]any)
	return err == nil && fields["strict"] == true, line
}

// strictCaught finds strict error handling behind our buffer.
func strictCaught(t *tree) []Fault {
	if !t.strict || t.buffer == nil || t.buffer.name != backpressure {
		return nil
	}
	return []Fault{{Path: errorHandling + ".strict", Line: t.strictLine, What: strictly}}
}
