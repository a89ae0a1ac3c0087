package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// spareConns are connections beyond those that insert: for schemas and pings.
const spareConns = 2

// options translates the configuration for the driver, for one address.
func (c *config) options(address string) *clickhouse.Options {
	opts := &clickhouse.Options{
		Addr:         []string{address},
		Auth:         clickhouse.Auth{Database: c.database, Username: c.username, Password: c.password},
		TLS:          c.tls,
		Settings:     c.settings,
		DialTimeout:  c.dialTimeout,
		ReadTimeout:  c.readTimeout,
		MaxOpenConns: c.maxInFlight + spareConns,
		MaxIdleConns: c.maxInFlight + spareConns,
	}
	if c.jwt != "" {
		opts.GetJWT = func(context.Context) (string, error) { return c.jwt, nil }
	}
	switch c.compression {
	case compressionLZ4:
		opts.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	case compressionZSTD:
		opts.Compression = &clickhouse.Compression{Method: clickhouse.CompressionZSTD, Level: 1}
	}
	if c.http {
		c.useHTTP(opts)
	}
	return opts
}

func (c *config) useHTTP(opts *clickhouse.Options) {
	opts.Protocol = clickhouse.HTTP
	// The time to the head of an answer, which an insert has at its end only.
	opts.ReadTimeout = max(c.readTimeout, c.insertTimeout)
	opts.TransportFunc = func(t *http.Transport) (http.RoundTripper, error) {
		t.TLSHandshakeTimeout = c.dialTimeout
		return t, nil
	}
	if c.tls != nil && len(c.tls.Certificates) == 0 {
		// The driver takes an empty password to mean a client certificate.
		opts.HttpHeaders = map[string]string{"X-ClickHouse-SSL-Certificate-Auth": "off"}
	}
}

// servers names all servers, for messages.
func (s *serverConfig) servers() string { return strings.Join(s.all(), ", ") }

// Codes that a connection attempt meets.
const (
	codeUnknownTable    = 60
	codeUnknownDatabase = 81
)

// explain says which field of the configuration a connection error is about.
func (c *config) explain(err error) error {
	var many refusals
	var connect *dialError
	var missing *columnMissingError
	switch {
	case err == nil || errors.As(err, &missing) || errors.Is(err, errNoWindow):
		return err
	case errors.As(err, &many):
		explained := make(refusals, len(many))
		for i, err := range many {
			explained[i] = c.explain(err)
		}
		return explained
	case errors.As(err, &connect):
		return c.explainFor(connect.address, connect.err)
	}
	return c.explainFor(c.servers(), err)
}

// explainFor explains an error of one server, or of one of several.
func (c *config) explainFor(servers string, err error) error {
	cause := c.redact(err)
	code, ok := serverCode(err)
	switch {
	case !ok:
		return fmt.Errorf("%s.%s: cannot reach ClickHouse on %s by the %s protocol%s: %w",
			pluginName, c.addressesField(), servers, c.protocol(), c.secured(), cause)
	case code == codeUnknownTable:
		return fmt.Errorf("%s.%s: table %q does not exist on %s; create it or correct the name: %w", pluginName, fieldTable, c.qualified(c.namer.literal()), servers, cause)
	case code == codeUnknownDatabase:
		return fmt.Errorf("%s.%s: database %q does not exist on %s; create it or correct the name: %w", pluginName, fieldDatabase, c.database, servers, cause)
	case classOf(code) == accessFault && c.jwt != "":
		return fmt.Errorf("%s.%s: %s refuses the token; correct it or its user's rights: %w", pluginName, fieldJWT, servers, cause)
	case classOf(code) == accessFault:
		return fmt.Errorf("%s.%s and %s.%s: %s refuses user %q; correct the name, the password or the user's rights: %w",
			pluginName, fieldUsername, pluginName, fieldPassword, servers, c.username, cause)
	}
	return fmt.Errorf("connecting to ClickHouse on %s: %w", servers, cause)
}

// addressesField is the field that the addresses are in.
func (s *serverConfig) addressesField() string {
	if s.sharded {
		return fieldShards
	}
	return fieldAddresses
}

// secured points to the field of TLS where an error may be about it.
func (s *serverConfig) secured() string {
	if s.tls == nil {
		return " without " + fieldTLS
	}
	return " with " + fieldTLS
}

// qualified is a table with its database.
func (c *config) qualified(table string) string {
	if strings.Contains(table, ".") || c.database == "" {
		return table
	}
	return c.database + "." + table
}

// redact takes the secrets out of an error, should a driver or a proxy ever
// put them there.
func (s *serverConfig) redact(err error) error {
	text := err.Error()
	for _, secret := range []string{s.password, s.jwt} {
		if secret == "" {
			continue
		}
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			text = strings.ReplaceAll(text, form, "***")
		}
	}
	if text == err.Error() {
		return err
	}
	return redactedError{text: text, cause: err}
}

// redactedError is an error without the secrets in its text; what it is remains to
// be found by errors.Is and errors.As.
type redactedError struct {
	text  string
	cause error
}

func (e redactedError) Error() string { return e.text }
func (e redactedError) Unwrap() error { return e.cause }
