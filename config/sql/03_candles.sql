-- Bars, one row per update. Plain MergeTree keeps every row; the last state of a bar is
-- argMax(close, seq) grouped by symbol, venue, tf, open_time.
CREATE TABLE IF NOT EXISTS market.candles
(
    stream    LowCardinality(String),
    seq       UInt64               CODEC(DoubleDelta, ZSTD(1)),
    venue     LowCardinality(String),
    symbol    LowCardinality(String),
    tf        LowCardinality(String),
    open_time DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    open      Float64              CODEC(Gorilla, ZSTD(1)),
    high      Float64              CODEC(Gorilla, ZSTD(1)),
    low       Float64              CODEC(Gorilla, ZSTD(1)),
    close     Float64              CODEC(Gorilla, ZSTD(1)),
    volume    Float64              CODEC(Gorilla, ZSTD(1)),
    trades    UInt32               CODEC(T64, ZSTD(1)),
    is_closed Bool
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(open_time)
ORDER BY (symbol, venue, tf, open_time, seq)
SETTINGS non_replicated_deduplication_window = 10000;
