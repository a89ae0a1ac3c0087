package stack

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSplitSQL(t *testing.T) {
	text := "-- a; comment\nCREATE TABLE `x;y` (s String DEFAULT 'it''s; \\'fine\\'');\n/* one ; two */ ; SELECT \"a;b\" -- end"
	assert.Equal(t, []string{
		"CREATE TABLE `x;y` (s String DEFAULT 'it''s; \\'fine\\'')",
		`SELECT "a;b"`,
	}, SplitSQL(text))
	assert.Empty(t, SplitSQL(" ;\n-- nothing\n;"))
}

func TestLegacySQL(t *testing.T) {
	for modern, legacy := range map[string]string{
		"ts DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1))": "ts DateTime('UTC')",
		"ts DateTime64(3)": "ts DateTime",
		"d Date32, b Bool": "d Date, b UInt8",
		"a Array(DateTime64(3,'UTC')) CODEC(ZSTD(3)), b UInt8":                 "a Array(DateTime('UTC')) , b UInt8",
		"s LowCardinality(String), p Decimal(18, 8) CODEC(Delta, LZ4)":         "s LowCardinality(String), p Decimal(18, 8)",
		"ORDER BY x TTL toDateTime(ts) + INTERVAL 1 DAY DELETE":                "ORDER BY x",
		"ORDER BY x TTL ts + INTERVAL 1 DAY\nSETTINGS non_replicated = 1":      "ORDER BY x",
		"ORDER BY x SETTINGS non_replicated_deduplication_window = 1, b = 'c'": "ORDER BY x",
		"ENGINE = MergeTree() ORDER BY x":                                      "ENGINE = MergeTree ORDER BY x",
		"CREATE DATABASE IF NOT EXISTS market":                                 "CREATE DATABASE IF NOT EXISTS market",
	} {
		assert.Equal(t, squeeze(legacy), squeeze(LegacySQL(modern)), modern)
	}
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }
