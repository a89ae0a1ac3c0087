package clickhouse

import (
	"fmt"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

// checkTableName refuses what cannot be the name of a table. Names come from
// metadata, so that anything may arrive.
func checkTableName(table string) error {
	if table == "" {
		return fmt.Errorf("%s.%s: the table name is empty", pluginName, fieldTable)
	}
	if _, err := server.ParseTable(table); err != nil {
		return fmt.Errorf("%s.%s: %w", pluginName, fieldTable, err)
	}
	return nil
}
