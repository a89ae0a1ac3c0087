// Package all registers every plugin of data-bridge. A custom Benthos build
// takes them with one line:
//
//	import _ "github.com/data-bridge-io/data-bridge/plugins/all"
package all

import (
	_ "github.com/data-bridge-io/data-bridge/plugins/backpressure" // buffer: backpressure
	_ "github.com/data-bridge-io/data-bridge/plugins/clickhouse"   // output: clickhouse
	_ "github.com/data-bridge-io/data-bridge/plugins/deadletter"   // output: dead_letter_file
	_ "github.com/data-bridge-io/data-bridge/plugins/kafka"        // input: pausable_kafka
	_ "github.com/data-bridge-io/data-bridge/plugins/nats"         // input: pausable_nats
)
