package server

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// The names of the codes are the server's own.
func TestCodesHaveTheServersNames(t *testing.T) {
	d := door{stack.Shared.ClickHouse(t, stack.KindChDB), true}
	for _, group := range codes {
		for _, c := range group.codes {
			require.Equal(t, c.name, query(t, d, fmt.Sprintf("SELECT errorCodeToName(%d)", c.code))[0][0], c.code)
		}
	}
}
