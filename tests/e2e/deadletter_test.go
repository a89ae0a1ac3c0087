package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// A row that does not fit its table goes to the dead letters, exactly as it
// came; its neighbours in the batch are stored.
func TestRowThatDoesNotFitIsADeadLetter(t *testing.T) {
	engines(t, func(t *testing.T, r *rig) {
		gen, err := marketdata.New(1, marketdata.External, r.id)
		require.NoError(t, err)
		var records []*kgo.Record
		for range 20 {
			records = append(records, &kgo.Record{Topic: r.topic(), Value: gen.AppendNext(nil)})
		}
		bad := []string{
			strings.Replace(string(records[7].Value), `"seq":8`, `"seq":"eight"`, 1), // a value that is no number
			`{"stream":"` + r.id + `","seq":13,`,                                     // no JSON
		}
		records[7].Value, records[12].Value = []byte(bad[0]), []byte(bad[1])
		client, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		require.NoError(t, err)
		t.Cleanup(client.Close)
		require.NoError(t, client.ProduceSync(within(t), records...).FirstErr())

		b := r.start().ready()
		h := b.until("all is settled", func(h harness.Health) bool {
			return h.Inputs["external"].Accepted == 20 && h.Metrics.Backpressure.Level == 0
		})
		assert.EqualValues(t, 2, h.Outputs["clickhouse"].DeadLetters)
		assert.EqualValues(t, 18, h.Outputs["clickhouse"].Rows)
		assert.Equal(t, harness.Tally{Rows: 18, Distinct: 18, First: 1, Last: 20}, r.tally(marketdata.External))
		b.stop()
		var letters []string
		for _, l := range lettersIn(t, r.env["DEAD_LETTER_PATH"]) {
			letters = append(letters, l.Record)
		}
		assert.ElementsMatch(t, bad, letters)
	})
}
