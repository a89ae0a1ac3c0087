-- Trades and quotes. Sorted by instrument, then time: point and range reads, good compression.
-- stream and seq (1, 2, 3, ... in each stream) make loss and duplication countable.
CREATE TABLE IF NOT EXISTS market.ticks
(
    stream LowCardinality(String),
    seq    UInt64                                      CODEC(DoubleDelta, ZSTD(1)),
    venue  LowCardinality(String),
    symbol LowCardinality(String),
    ts     DateTime64(9, 'UTC')                        CODEC(DoubleDelta, ZSTD(1)),
    side   Enum8('unknown' = 0, 'buy' = 1, 'sell' = 2),
    price  Decimal(18, 8)                              CODEC(Delta, ZSTD(1)),
    qty    Decimal(18, 8)                              CODEC(T64, ZSTD(1)),
    flags  UInt16                                      CODEC(T64, LZ4)
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(ts)
ORDER BY (symbol, venue, ts, seq)
TTL toDateTime(ts) + INTERVAL 90 DAY DELETE
SETTINGS non_replicated_deduplication_window = 10000;
