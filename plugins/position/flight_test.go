package position_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/position"
)

func TestEveryFlightHasANameOfItsOwn(t *testing.T) {
	require.Empty(t, position.FlightOf(t.Context()))
	a, b := position.NewFlight(t.Context()), position.NewFlight(t.Context())
	name := position.FlightOf(a)
	require.NotEmpty(t, name)
	inner, cancel := context.WithCancel(a)
	defer cancel()
	require.Equal(t, name, position.FlightOf(inner))
	require.NotEqual(t, position.FlightOf(a), position.FlightOf(b))

	run := position.NewRun("kafka/t/0", 1)
	data := []byte("x")
	run.Add(7, data)
	var f position.Finder
	_, offset, ok := f.Find(position.NewFlight(run.Mark(t.Context())), data)
	require.True(t, ok, "a flight hides no position")
	require.EqualValues(t, 7, offset)
}
