package clickhouse

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
)

// What is left out of the findings is told by its number and its columns.
func TestKindsThatAreNotListedAreTold(t *testing.T) {
	var kinds []*rejection
	for i := range mostKinds + 2 {
		kinds = append(kinds, &rejection{column: fmt.Sprintf("c%d", i), rows: 3, sample: "x"})
	}
	var report checkup.Report
	reportRejections("records", "columns", "table t", 100, kinds, &report)
	all := report.Findings()
	require.Len(t, all, mostKinds+1)
	require.Contains(t, fmt.Sprint(all[mostKinds]), "2 more kinds of bad records, 6 records, are not listed; columns: c10, c11")
}
