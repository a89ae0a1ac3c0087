package stack

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
)

// Environment of a ClickHouse that runs already.
const (
	// EnvClickHouseAddr is host:port of the native protocol.
	EnvClickHouseAddr = "CLICKHOUSE_ADDR"
	// EnvClickHouseHTTP is host:port of its HTTP interface; default is port 8123 of the same host.
	EnvClickHouseHTTP     = "CLICKHOUSE_HTTP_ADDR"
	EnvClickHouseUser     = "CLICKHOUSE_USER"
	EnvClickHousePassword = "CLICKHOUSE_PASSWORD"
)

// localBinary is the name of a current ClickHouse on PATH.
const localBinary = "clickhouse"

func givenClickHouse(ctx context.Context) (ClickHouse, error) {
	addr := os.Getenv(EnvClickHouseAddr)
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %q is not host:port: %w", EnvClickHouseAddr, addr, err)
	}
	c := &clickhouseServer{
		kind:     KindGiven,
		native:   addr,
		http:     cmp.Or(os.Getenv(EnvClickHouseHTTP), net.JoinHostPort(host, "8123")),
		user:     cmp.Or(os.Getenv(EnvClickHouseUser), "default"),
		password: os.Getenv(EnvClickHousePassword),
	}
	if err := c.askVersion(ctx); err != nil {
		return nil, fmt.Errorf("using the server of %s=%s (HTTP at %s, %s changes that): %w",
			EnvClickHouseAddr, addr, c.http, EnvClickHouseHTTP, err)
	}
	return c, nil
}

func startLocal(ctx context.Context, opts ClickHouseOptions) (ClickHouse, error) {
	binary, err := exec.LookPath(localBinary)
	if err != nil {
		return nil, fmt.Errorf("looking for ClickHouse on PATH: %w", err)
	}
	c, err := newClickHouse(KindLocal, opts)
	if err != nil {
		return nil, err
	}
	config, err := c.writeConfig("clickhouse", "", opts)
	if err != nil {
		return nil, err
	}
	return c.launch(ctx, func() *exec.Cmd {
		cmd := exec.Command(binary, "server", "--config-file="+config)
		cmd.Dir = c.dir
		return cmd
	})
}
