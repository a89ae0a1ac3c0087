package main

import (
	"bufio"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stack.Main(m)) }

func TestUnknownSubcommand(t *testing.T) {
	require.ErrorContains(t, dispatch(t.Context(), []string{"upp"}), `unknown subcommand "upp"`)
	require.ErrorContains(t, dispatch(t.Context(), nil), "no subcommand")
	require.NoError(t, dispatch(t.Context(), []string{"help"}))
}

func TestUpRefusesAnUnknownClickHouse(t *testing.T) {
	t.Setenv(stack.EnvKafka, stack.KafkaFake)
	require.ErrorContains(t, up(t.Context(), []string{"-clickhouse", "mysql"}), `unknown kind "mysql"`)
}

// TestUpPrintsAddressesAndStops runs up as a user does: addresses on stdout,
// then generated data, then Ctrl-C.
func TestUpPrintsAddressesAndStops(t *testing.T) {
	t.Setenv(stack.EnvKafka, stack.KafkaFake)
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	stdout := os.Stdout
	os.Stdout = write
	defer func() { os.Stdout = stdout }()

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- up(ctx, []string{"-clickhouse", "legacy", "-generate", "-rate", "500", "-stream", "t"})
		_ = write.Close()
	}()

	env, published := map[string]string{}, map[string]bool{}
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		line := lines.Text()
		if name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "="); ok {
			env[name] = value
		}
		if kind, _, ok := strings.Cut(strings.TrimPrefix(line, "published "), ": "); ok {
			published[kind] = true
		}
		if strings.Contains(line, "CLICKHOUSE_PASSWORD=") {
			cancel() // the last address: Ctrl-C
		}
	}
	require.NoError(t, <-done)
	for _, name := range []string{"NATS_URLS", "KAFKA_BROKERS", "CLICKHOUSE_ADDRESSES"} {
		assert.Contains(t, env[name], "127.0.0.1:", name)
	}
	assert.Equal(t, "native", env["CLICKHOUSE_PROTOCOL"])
	assert.Equal(t, "truncate", env["CLICKHOUSE_TIME_PRECISION"])
	assert.Equal(t, map[string]bool{"ticks": true, "candles": true, "external": true}, published)
}

func TestGenerateCountsWhatArrived(t *testing.T) {
	nats := stack.Shared.NATS(t)
	require.NoError(t, generate(t.Context(), []string{"-nats", nats.URL(), "-kinds", "ticks,candles", "-rate", "0", "-count", "1000"}))
	require.ErrorContains(t, generate(t.Context(), []string{"-nats", "nats://127.0.0.1:1", "-kinds", "ticks"}), "connecting to NATS")
	require.ErrorContains(t, generate(t.Context(), []string{"-nats", nats.URL(), "-kinds", "trades"}), `unknown kind "trades"`)
}
