package clickhouse

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// What a record holds is for the dead letters alone.
func TestIncidentsTellColumnAndReasonButNoContent(t *testing.T) {
	const secret = "geheim"
	fault := func(err error) error {
		return &rowError{column: "price", columnType: "Float64", value: `"` + secret + `"`, err: err}
	}
	for _, c := range []struct {
		err  error
		want status.Incident
	}{
		{fault(errNotANumber), status.Incident{Table: "ticks", Column: "price", Message: "Float64: not a number"}},
		{fault(fmt.Errorf("value of key %q: %w", secret, errRange)), status.Incident{Table: "ticks", Column: "price", Message: "Float64: out of range"}},
		{fault(fmt.Errorf("expression this.%s: %w", secret, errors.New(secret))), status.Incident{Table: "ticks", Column: "price", Message: "Float64: it does not fit"}},
		{fault(wrongKind(&value{kind: kindString}, "a number")), status.Incident{Table: "ticks", Column: "price", Message: "Float64: " + wrongKind(&value{kind: kindString}, "a number").Error()}},
		{&rowError{err: fmt.Errorf("%w: found %q", errMalformed, secret)}, status.Incident{Table: "ticks", Message: "malformed JSON"}},
		{&clickhouse.Exception{Code: 27, Message: "cannot parse " + secret}, status.Incident{Table: "ticks", Message: "ClickHouse refuses the row with code 27"}},
		{fmt.Errorf("table %q: is no name", secret), status.Incident{Message: "the record does not tell its table or its shard"}},
	} {
		c.want.Class, c.want.Count = status.ClassDeadLetter, 1
		assert.Equal(t, c.want, incidentOf(badRow{table: "ticks", err: c.err}, status.ClassDeadLetter))
	}

	words := wordOf(fmt.Errorf("%w: %w", errDrift, fault(errNotANumber)))
	assert.NotContains(t, words, secret)
	assert.Contains(t, words, `column "price" (Float64): not a number`)
}

func TestRowsOfOneCauseAreOneIncident(t *testing.T) {
	board := status.NewBoard("")
	o := &output{board: board.Output("clickhouse")}
	var bad []badRow
	for i := range 500 {
		bad = append(bad, badRow{index: i, table: "ticks", err: &rowError{column: "price", value: fmt.Sprint(i), err: errRange}})
	}
	o.reportRows(append(bad, badRow{table: "ticks", err: &rowError{column: "seq", err: errNull}}), status.ClassDeadLetter)
	counts := map[string]int64{}
	for _, i := range board.Incidents() {
		counts[i.Column] = i.Count
	}
	assert.Equal(t, map[string]int64{"price": 500, "seq": 1}, counts)
}
