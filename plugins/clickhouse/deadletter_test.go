package clickhouse

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// Rows that the dead-letter output refuses are known to wait, with the reason, until
// it takes them.
func TestRowsThatWaitForTheDeadLetterOutputAreCounted(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindChDB)
	table := newTable(t, server, "id UInt8")
	out := open(t, yamlFor(t, server, table, ""))
	boxOf(t).refuse.Store(1 << 30)
	done := make(chan error, 1)
	go func() { done <- out.WriteBatch(t.Context(), records(`{"id":1}`, `{"id":300}`, `{"id":"x"}`)) }()
	require.Eventually(t, func() bool {
		rows, _, err := out.board.WaitingLetters()
		return rows == 2 && err != nil && err.Error() == "the letter box is full"
	}, time.Minute, time.Millisecond)
	require.Zero(t, out.board.DeadLetters())
	boxOf(t).refuse.Store(0)
	require.NoError(t, <-done)
	rows, _, _ := out.board.WaitingLetters()
	require.Zero(t, rows)
	require.EqualValues(t, 2, out.board.DeadLetters())
}
