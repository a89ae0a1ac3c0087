package clickhouse

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/record/json"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// What a record holds is for the dead letters alone.
func TestIncidentsTellColumnAndReasonButNoContent(t *testing.T) {
	const secret = "geheim"
	fault := func(err error) error {
		return &rec.RowError{Column: "price", Type: "Float64", Value: `"` + secret + `"`, Err: err}
	}
	for _, c := range []struct {
		err  error
		want status.Incident
	}{
		{fault(column.ErrNotANumber), status.Incident{Table: "ticks", Column: "price", Message: "Float64: not a number"}},
		{fault(fmt.Errorf("value of key %q: %w", secret, column.ErrRange)), status.Incident{Table: "ticks", Column: "price", Message: "Float64: out of range"}},
		{fault(fmt.Errorf("expression this.%s: %w", secret, errors.New(secret))), status.Incident{Table: "ticks", Column: "price", Message: "Float64: it does not fit"}},
		{fault(column.WrongKind(&column.Value{Kind: column.KindString}, "a number")), status.Incident{Table: "ticks", Column: "price", Message: "Float64: " + column.WrongKind(&column.Value{Kind: column.KindString}, "a number").Error()}},
		{&rec.RowError{Err: fmt.Errorf("%w: found %q", json.ErrMalformed, secret)}, status.Incident{Table: "ticks", Message: "malformed JSON"}},
		{&server.Exception{Code: 27, Message: "cannot parse " + secret}, status.Incident{Table: "ticks", Message: "ClickHouse refuses the row with code 27"}},
		{fmt.Errorf("table %q: is no name", secret), status.Incident{Message: "the record does not tell its table or its shard"}},
	} {
		c.want.Class, c.want.Count = status.ClassDeadLetter, 1
		assert.Equal(t, c.want, incidentOf(badRow{table: "ticks", err: c.err}, status.ClassDeadLetter))
	}

	words := wordOf(fmt.Errorf("%w: %w", errDrift, fault(column.ErrNotANumber)))
	assert.NotContains(t, words, secret)
	assert.Contains(t, words, `column "price" (Float64): not a number`)
}

func TestRowsOfOneCauseAreOneIncident(t *testing.T) {
	board := status.NewBoard("")
	o := &output{board: board.Output("clickhouse")}
	var bad []badRow
	for i := range 500 {
		bad = append(bad, badRow{index: i, table: "ticks", err: &rec.RowError{Column: "price", Value: fmt.Sprint(i), Err: column.ErrRange}})
	}
	o.reportRows(append(bad, badRow{table: "ticks", err: &rec.RowError{Column: "seq", Err: column.ErrNull}}), status.ClassDeadLetter)
	counts := map[string]int64{}
	for _, i := range board.Incidents() {
		counts[i.Column] = i.Count
	}
	assert.Equal(t, map[string]int64{"price": 500, "seq": 1}, counts)
}
