package clickhouse

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
)

func TestPartitionKey(t *testing.T) {
	for definition, want := range map[string]string{
		"MergeTree PARTITION BY toYYYYMMDD(ts) ORDER BY (a, b) SETTINGS index_granularity = 8192":          "toYYYYMMDD(ts)",
		"MergeTree PARTITION BY (a, toYYYYMM(ts)) PRIMARY KEY a ORDER BY (a, b) TTL ts + toIntervalDay(1)": "(a, toYYYYMM(ts))",
		"MergeTree ORDER BY tuple()": "",
	} {
		assert.Equal(t, want, partitionKey(definition))
	}
}

func TestInsertsPerSecond(t *testing.T) {
	b := checkup.Buffer{BatchCount: 10_000, BatchPeriod: 500 * time.Millisecond}
	for rate, want := range map[float64]float64{0: 0, 0.5: 0.5, 100: 2, 10_000: 2, 100_000: 10} {
		assert.InDelta(t, want, insertsPerSecond(rate, b), 1e-9, "%v records a second", rate)
	}
}
