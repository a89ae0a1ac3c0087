// Command all is a Benthos of one's own with every data-bridge plugin: one import
// more than a Benthos without them.
package main

import (
	"context"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure/extended"
	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/data-bridge-io/data-bridge/plugins/all"
)

func main() { service.RunCLI(context.Background()) }
