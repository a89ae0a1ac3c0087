package stack

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kinds are the ClickHouses that every machine can have.
var kinds = []string{KindLegacy, KindChDB}

func eachKind(t *testing.T, test func(t *testing.T, kind string)) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) { test(t, kind) })
	}
}

// eachServer runs a test on the shared server of each kind, on chDB over either protocol.
func eachServer(t *testing.T, test func(t *testing.T, ch ClickHouse)) {
	t.Run(KindLegacy, func(t *testing.T) { test(t, Shared.ClickHouse(t, KindLegacy)) })
	eachProtocol(t, test)
}

// eachProtocol runs a test on chDB over either protocol.
func eachProtocol(t *testing.T, test func(t *testing.T, ch ClickHouse)) {
	t.Run(KindChDB+" "+ProtocolHTTP, func(t *testing.T) { test(t, Shared.ClickHouse(t, KindChDB)) })
	t.Run(KindChDB+" "+ProtocolNative, func(t *testing.T) { test(t, OverNative(Shared.ClickHouse(t, KindChDB))) })
}

// connect opens the real driver; extra changes its options.
func connect(t *testing.T, ch ClickHouse, extra ...func(*clickhouse.Options)) driver.Conn {
	t.Helper()
	opts := &clickhouse.Options{
		Addr:        []string{ch.Addr()},
		Protocol:    clickhouse.Native,
		Auth:        clickhouse.Auth{Username: ch.User(), Password: ch.Password()},
		ReadTimeout: patience,
	}
	if ch.Protocol() == ProtocolHTTP {
		opts.Protocol = clickhouse.HTTP
	}
	for _, change := range extra {
		change(opts)
	}
	conn, err := clickhouse.Open(opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestClickHouseRoundTrip(t *testing.T) {
	eachServer(t, func(t *testing.T, ch ClickHouse) {
		for name, method := range map[string]clickhouse.CompressionMethod{
			"none": clickhouse.CompressionNone, "lz4": clickhouse.CompressionLZ4, "zstd": clickhouse.CompressionZSTD,
		} {
			t.Run(name, func(t *testing.T) { roundTrip(t, ch, method) })
		}
	})
}

const everyType = `CREATE TABLE types (
	n UInt64, ts DateTime64(9, 'UTC'), price Decimal(18, 8), name LowCardinality(String),
	value Nullable(Float64), tags Array(String), side Enum8('buy' = 1, 'sell' = 2), id UUID
) ENGINE = MergeTree ORDER BY n`

func roundTrip(t *testing.T, ch ClickHouse, method clickhouse.CompressionMethod) {
	ctx := within(t, patience)
	ddl, ts := everyType, time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)
	if ch.Legacy() {
		ddl, ts = LegacySQL(everyType), ts.Truncate(time.Second)
	}
	require.NoError(t, ch.Exec(ctx, "DROP TABLE IF EXISTS types"))
	require.NoError(t, ch.Exec(ctx, ddl))
	conn := connect(t, ch, func(o *clickhouse.Options) { o.Compression = &clickhouse.Compression{Method: method} })

	batch, err := conn.PrepareBatch(ctx, "INSERT INTO types (n, ts, price, name, value, tags, side, id)")
	require.NoError(t, err)
	defer batch.Close()
	price, id, value := decimal.RequireFromString("64213.12345678"), uuid.New(), 1.5
	require.NoError(t, batch.Append(uint64(1), ts, price, "BTC", &value, []string{"a", "b"}, "sell", id))
	require.NoError(t, batch.Append(uint64(2), ts, price, "ETH", nil, []string{}, "buy", id))
	require.NoError(t, batch.Send())

	rows, err := conn.Query(ctx, "SELECT ts, price, name, value, tags, toString(side), id FROM types ORDER BY n")
	require.NoError(t, err)
	defer rows.Close()
	for _, want := range []struct {
		name, side string
		value      *float64
		tags       []string
	}{{"BTC", "sell", &value, []string{"a", "b"}}, {"ETH", "buy", nil, []string{}}} {
		var (
			gotTS      time.Time
			gotPrice   decimal.Decimal
			name, side string
			gotValue   *float64
			tags       []string
			gotID      uuid.UUID
		)
		require.True(t, rows.Next())
		require.NoError(t, rows.Scan(&gotTS, &gotPrice, &name, &gotValue, &tags, &side, &gotID))
		assert.True(t, ts.Equal(gotTS), gotTS)
		assert.True(t, price.Equal(gotPrice), gotPrice)
		assert.Equal(t, want.name, name)
		assert.Equal(t, want.side, side)
		assert.Equal(t, want.value, gotValue)
		assert.Equal(t, want.tags, tags)
		assert.Equal(t, id, gotID)
	}
	require.False(t, rows.Next())
	require.NoError(t, rows.Err())
}

func TestClickHouseErrorsKeepTheirCode(t *testing.T) {
	eachServer(t, func(t *testing.T, ch ClickHouse) {
		conn := connect(t, ch)
		var exception *clickhouse.Exception
		require.ErrorAs(t, conn.Exec(t.Context(), "SELECT * FROM no_such_table"), &exception)
		assert.EqualValues(t, 60, exception.Code)
		assert.Contains(t, exception.Message, "no_such_table")
	})
}

func TestClickHousePassword(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		server, err := StartClickHouse(t.Context(), kind, ClickHouseOptions{Password: "s<cr&t"})
		require.NoError(t, err)
		closing(t, server)
		for _, ch := range []ClickHouse{server, OverNative(server)} {
			require.NoError(t, connect(t, ch).Ping(t.Context()))
			wrong := connect(t, ch, func(o *clickhouse.Options) { o.Auth.Password = "wrong" })
			var exception *clickhouse.Exception
			require.ErrorAs(t, wrong.Ping(t.Context()), &exception)
			assert.Contains(t, []int32{193, 516}, exception.Code)
		}
	})
}

func TestClickHouseKeepsDataOverStopAndKill(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		ctx, dir := within(t, patience), t.TempDir()
		ch, err := StartClickHouse(ctx, kind, ClickHouseOptions{Dir: dir})
		require.NoError(t, err)
		closing(t, ch)
		addr := ch.Addr()
		require.NoError(t, ch.Exec(ctx, "CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n"))
		require.NoError(t, ch.Exec(ctx, "INSERT INTO kept SELECT number FROM system.numbers LIMIT 1000"))
		for _, end := range []func() error{ch.Stop, ch.Kill} {
			require.NoError(t, end())
			require.Error(t, ch.Exec(ctx, "SELECT 1"))
			require.ErrorIs(t, ch.Stall(), ErrNotRunning)
			require.NoError(t, ch.Start(ctx))
			require.Equal(t, addr, ch.Addr())
			assert.Equal(t, [][]string{{"1000"}}, query(ctx, t, ch, "SELECT count() FROM kept"))
		}
		require.NoError(t, ch.Close())
		assert.DirExists(t, filepath.Join(dir, "data"), "a folder that was given stays")
	})
}

func TestClickHouseStall(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		ch, err := StartClickHouse(t.Context(), kind, ClickHouseOptions{})
		require.NoError(t, err)
		closing(t, ch)
		conn := connect(t, ch)
		require.NoError(t, conn.Ping(t.Context()))

		require.NoError(t, ch.Stall())
		require.ErrorIs(t, ch.Exec(within(t, 300*time.Millisecond), "SELECT 1"), context.DeadlineExceeded)
		waiting := make(chan error, 1)
		go func() { waiting <- conn.Exec(t.Context(), "SELECT 1") }()
		select {
		case err := <-waiting:
			t.Fatalf("a stalled server answered: %v", err)
		case <-time.After(200 * time.Millisecond):
		}
		require.NoError(t, ch.Continue())
		require.NoError(t, <-waiting)
	})
}

func TestClickHouseStopsWhileStalled(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		ch, err := StartClickHouse(t.Context(), kind, ClickHouseOptions{})
		require.NoError(t, err)
		closing(t, ch)
		require.NoError(t, ch.Stall())
		require.NoError(t, ch.Stop())
	})
}

func TestShippedTables(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		ch, ctx := Shared.ClickHouse(t, kind), within(t, patience)
		require.NoError(t, ApplySQL(ctx, ch, "config/sql"))
		require.NoError(t, ApplySQL(ctx, ch, "config/sql"), "again")
		assert.Equal(t, [][]string{{"candles"}, {"external"}, {"ticks"}},
			query(ctx, t, ch, "SELECT name FROM system.tables WHERE database = 'market' ORDER BY name"))
	})
}

func TestChDBDeduplicatesByToken(t *testing.T) { eachProtocol(t, deduplicatesByToken) }

func deduplicatesByToken(t *testing.T, ch ClickHouse) {
	ctx := within(t, patience)
	require.NoError(t, ch.Exec(ctx, "DROP TABLE IF EXISTS tokens"))
	require.NoError(t, ch.Exec(ctx, `CREATE TABLE tokens (n UInt64) ENGINE = MergeTree ORDER BY n
		SETTINGS non_replicated_deduplication_window = 100`))
	conn := connect(t, ch)
	for _, token := range []string{"a", "a", "b"} {
		insert := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"insert_deduplication_token": token}))
		batch, err := conn.PrepareBatch(insert, "INSERT INTO tokens (n)")
		require.NoError(t, err)
		require.NoError(t, batch.Append(uint64(1)))
		require.NoError(t, batch.Send())
	}
	assert.Equal(t, [][]string{{"2"}}, query(ctx, t, ch, "SELECT count() FROM tokens"))
}

func TestChDBRefusesUnknownSettings(t *testing.T) {
	eachProtocol(t, func(t *testing.T, ch ClickHouse) {
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"no_such_setting": 1}))
		var exception *clickhouse.Exception
		require.ErrorAs(t, connect(t, ch).Exec(ctx, "SELECT 1"), &exception)
		assert.EqualValues(t, 115, exception.Code)
	})
}

func TestChDBUnknownDatabase(t *testing.T) {
	eachProtocol(t, func(t *testing.T, ch ClickHouse) {
		conn := connect(t, ch, func(o *clickhouse.Options) { o.Auth.Database = "nowhere" })
		var exception *clickhouse.Exception
		require.ErrorAs(t, conn.Ping(t.Context()), &exception)
		assert.EqualValues(t, 81, exception.Code)
	})
}

func TestGivenClickHouse(t *testing.T) {
	legacy := Shared.ClickHouse(t, KindLegacy)
	t.Setenv(EnvClickHouseAddr, legacy.NativeAddr())
	t.Setenv(EnvClickHouseHTTP, legacy.HTTPAddr())
	ch, err := StartClickHouse(t.Context(), KindAuto, ClickHouseOptions{})
	require.NoError(t, err)
	assert.Equal(t, KindGiven, ch.Kind())
	assert.Equal(t, legacy.Version(), ch.Version())
	require.ErrorIs(t, ch.Kill(), ErrNotOurs)
	require.NoError(t, ch.Close())

	t.Setenv(EnvClickHouseAddr, "nonsense")
	_, err = StartClickHouse(t.Context(), KindAuto, ClickHouseOptions{})
	require.ErrorContains(t, err, `CLICKHOUSE_ADDR: "nonsense" is not host:port`)
}

func TestUnknownKindOfClickHouse(t *testing.T) {
	_, err := StartClickHouse(t.Context(), "mysql", ClickHouseOptions{})
	require.ErrorContains(t, err, `unknown kind "mysql"`)
}

func TestCloseRemovesATemporaryFolder(t *testing.T) {
	ch, err := StartClickHouse(t.Context(), KindLegacy, ClickHouseOptions{})
	require.NoError(t, err)
	dir := ch.(*clickhouseServer).dir
	require.DirExists(t, dir)
	require.NoError(t, ch.Close())
	_, err = os.Stat(dir)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func query(ctx context.Context, t *testing.T, ch ClickHouse, sql string) [][]string {
	t.Helper()
	rows, err := ch.Query(ctx, sql)
	require.NoError(t, err)
	return rows
}
