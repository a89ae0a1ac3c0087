-- News, rates, calendars and other external events.
CREATE TABLE IF NOT EXISTS market.external
(
    stream   LowCardinality(String),
    seq      UInt64               CODEC(DoubleDelta, ZSTD(1)),
    source   LowCardinality(String),
    series   LowCardinality(String),
    entity   LowCardinality(String),
    ts       DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    value    Nullable(Float64)    CODEC(ZSTD(1)),
    tags     Array(String)        CODEC(ZSTD(1)),
    payload  String               CODEC(ZSTD(3)),
    event_id UUID
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (source, series, entity, ts, seq)
TTL toDateTime(ts) + INTERVAL 730 DAY DELETE
SETTINGS non_replicated_deduplication_window = 10000;
