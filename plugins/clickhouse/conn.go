package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// spareConns are connections beyond those that insert: for schemas and pings.
const spareConns = 2

// options translates the configuration for the driver.
func (c *config) options() *clickhouse.Options {
	opts := &clickhouse.Options{
		Addr:         c.addresses,
		Auth:         clickhouse.Auth{Database: c.database, Username: c.username, Password: c.password},
		TLS:          c.tls,
		Settings:     c.settings,
		DialTimeout:  c.dialTimeout,
		ReadTimeout:  c.readTimeout,
		MaxOpenConns: c.maxInFlight + spareConns,
		MaxIdleConns: c.maxInFlight + spareConns,
	}
	if c.http {
		opts.Protocol = clickhouse.HTTP
	}
	switch c.compression {
	case compressionLZ4:
		opts.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	case compressionZSTD:
		opts.Compression = &clickhouse.Compression{Method: clickhouse.CompressionZSTD, Level: 1}
	}
	return opts
}

// dial opens a pool and makes sure that a server answers.
func (c *config) dial(ctx context.Context) (driver.Conn, error) {
	conn, err := clickhouse.Open(c.options())
	if err != nil {
		return nil, fmt.Errorf("opening a connection to %s: %w", c.servers(), err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.dialTimeout)
	defer cancel()
	if err := conn.Ping(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func (c *config) servers() string { return strings.Join(c.addresses, ", ") }

// Codes that a connection attempt meets.
const (
	codeUnknownTable    = 60
	codeUnknownDatabase = 81
)

// explain says which field of the configuration a connection error is about.
func (c *config) explain(err error) error {
	if err == nil {
		return nil
	}
	var missing *columnMissingError
	if errors.As(err, &missing) {
		return err
	}
	cause := c.redact(err)
	code, ok := serverCode(err)
	switch {
	case !ok:
		return fmt.Errorf("%s.%s: cannot reach ClickHouse on %s by the %s protocol: %w", pluginName, fieldAddresses, c.servers(), c.protocol(), cause)
	case code == codeUnknownTable:
		return fmt.Errorf("%s.%s: table %q does not exist on %s; create it or correct the name: %w", pluginName, fieldTable, c.qualified(), c.servers(), cause)
	case code == codeUnknownDatabase:
		return fmt.Errorf("%s.%s: database %q does not exist on %s; create it or correct the name: %w", pluginName, fieldDatabase, c.database, c.servers(), cause)
	case classOf(code) == accessFault:
		return fmt.Errorf("%s.%s and %s.%s: %s refuses user %q; correct the name, the password or the user's rights: %w",
			pluginName, fieldUsername, pluginName, fieldPassword, c.servers(), c.username, cause)
	}
	return fmt.Errorf("connecting to ClickHouse on %s: %w", c.servers(), cause)
}

func (c *config) protocol() string {
	if c.http {
		return protocolHTTP
	}
	return protocolNative
}

// qualified is the literal table with its database.
func (c *config) qualified() string {
	if strings.Contains(c.namer.literal, ".") || c.database == "" {
		return c.namer.literal
	}
	return c.database + "." + c.namer.literal
}

// redact takes the password out of an error, should a driver or a proxy ever
// put it there.
func (c *config) redact(err error) error {
	if c.password == "" || !strings.Contains(err.Error(), c.password) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), c.password, "***"))
}
