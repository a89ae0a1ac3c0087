package clickhouse

import (
	"testing"

	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

func TestSchemaChangeIsNoticed(t *testing.T) {
	s := column.NewSchema("t", []column.Spec{{Name: "c", Type: "Int8"}})
	d := decoderFor(s, false)
	require.NoError(t, d.Add([]byte(`{"c":1}`), 0))
	for _, c := range []struct{ name, typ string }{{"c", "Int16"}, {"d", "Int8"}} {
		target, err := chcolumn.Type(c.typ).Column(c.name, &chcolumn.ServerContext{})
		require.NoError(t, err)
		err = segment{block: d.Blocks()[0], from: 0, to: 1}.fill([]chcolumn.Interface{target})
		require.ErrorIs(t, err, errSchemaChanged)
		require.Equal(t, schemaFault, classify(err))
	}
}

func TestUnsupportedType(t *testing.T) {
	_, err := newBlock(column.NewSchema("t", []column.Spec{{Name: "m", Type: "AggregateFunction(sum, Int8)"}}), strictTimes)
	require.EqualError(t, err, `column "m" of table "t": type AggregateFunction(sum, Int8) is not supported by the driver; leave it out with clickhouse.columns, or change the table`)
}
