package clickhouse

import (
	"fmt"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

// classifiedError is an error of this package that has a class.
type classifiedError struct {
	class server.Class
	text  string
}

func (e *classifiedError) Error() string { return e.text }

// ClickHouseClass implements server.Classified.
func (e *classifiedError) ClickHouseClass() server.Class { return e.class }

// errDrift says that records do not fit a table any more that they fitted
// before. They wait: for the table to be put right, or for a restart, after
// which the table is taken as it is.
var errDrift error = &classifiedError{server.SchemaFault, "the table has changed, and what fitted it does not any more (put the table right, or restart to take it as it is)"}

// errUnsupported says that the table has a column that cannot be written.
var errUnsupported error = &classifiedError{server.SchemaFault, "leave it out with " + pluginName + "." + fieldColumns + ", or change the table"}

// columnMissingError says that the configuration asks for a column that the
// table does not have.
type columnMissingError struct{ column, table string }

func (e *columnMissingError) Error() string {
	return fmt.Sprintf("%s.%s: table %q has no column %q that can be inserted", pluginName, fieldColumns, e.table, e.column)
}

// ClickHouseClass implements server.Classified.
func (e *columnMissingError) ClickHouseClass() server.Class { return server.SchemaFault }
