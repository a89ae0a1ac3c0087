package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// faulty runs a test on the current engine by both protocols, on a server that
// shows faults on demand.
func faulty(t *testing.T, test func(t *testing.T, server stack.FaultyClickHouse)) {
	for _, protocol := range []string{protocolHTTP, protocolNative} {
		t.Run(protocol, func(t *testing.T) {
			server := stack.Shared.ClickHouse(t, stack.KindChDB).(stack.FaultyClickHouse) //nolint:forcetypeassert // it is one
			t.Cleanup(func() { require.NoError(t, server.ClearFaults(context.Background())) })
			test(t, faultyBy{server, protocol})
		})
	}
}

// faultyBy is a server as one of its protocols reaches it.
type faultyBy struct {
	stack.FaultyClickHouse
	protocol string
}

func (s faultyBy) Protocol() string { return s.protocol }

func (s faultyBy) Addr() string {
	if s.protocol == protocolNative {
		return s.NativeAddr()
	}
	return s.HTTPAddr()
}

// newWindowTable creates a table that remembers its inserts.
func newWindowTable(t *testing.T, server stack.ClickHouse, columns string) string {
	t.Helper()
	name := fmt.Sprintf("w%d", tableNumber.Add(1))
	require.NoError(t, server.Exec(t.Context(), "CREATE TABLE default."+name+" ("+columns+
		") ENGINE = MergeTree ORDER BY tuple() SETTINGS non_replicated_deduplication_window = 1000"))
	return name
}

// ids are the records {"id":from} to {"id":to-1}.
func ids(from, to int) (texts []string) {
	for i := from; i < to; i++ {
		texts = append(texts, fmt.Sprintf(`{"id":%d}`, i))
	}
	return texts
}

func count(t *testing.T, server stack.ClickHouse, table string) string {
	t.Helper()
	return strings.Join(query(t, server, "SELECT count(), uniqExact(id) FROM default."+table)[0], " ")
}
