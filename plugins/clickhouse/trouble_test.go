package clickhouse

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

func TestTroubleIsToldOnItsEdgesAndNowAndThen(t *testing.T) {
	var tr trouble
	now := time.Now()
	told := 0
	for i := range 1000 {
		if tr.worthTelling(server.Retry, now.Add(time.Duration(i)*100*time.Millisecond)) {
			told++
		}
	}
	require.Equal(t, 4, told, "at 0, 30, 60 and 90 s")
	require.True(t, tr.worthTelling(server.AccessFault, now.Add(100*time.Second)), "somebody has to act: told at once")
	require.False(t, tr.worthTelling(server.AccessFault, now.Add(101*time.Second)))
}
