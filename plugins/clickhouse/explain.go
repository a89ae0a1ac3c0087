package clickhouse

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

// servers names all servers, for messages.
func (s *serverConfig) servers() string { return strings.Join(s.all(), ", ") }

// explain says which field of the configuration a connection error is about.
func (c *config) explain(err error) error {
	var many server.Refusals
	var connect *server.DialError
	switch {
	case err == nil || ofTheTable(err):
		return err
	case errors.As(err, &many):
		explained := make(server.Refusals, len(many))
		for i, err := range many {
			explained[i] = c.explain(err)
		}
		return explained
	case errors.As(err, &connect):
		return c.explainFor(connect.Address, connect.Err)
	}
	return c.explainFor(c.servers(), err)
}

// ofTheTable reports whether an error says by itself which field it is about.
func ofTheTable(err error) bool {
	var missing *columnMissingError
	return errors.As(err, &missing) || errors.Is(err, errNoWindow) || errors.Is(err, errUnsupported)
}

// explainFor explains an error of one server, or of one of several.
func (c *config) explainFor(servers string, err error) error {
	cause := c.redact(err)
	code, ok := server.Code(err)
	var file *fs.PathError
	switch {
	case errors.As(err, &file): // of a password, a token or a certificate
		return fmt.Errorf("%s: connecting to %s: %w", pluginName, servers, cause)
	case !ok && !server.NeverSent(err) && server.Classify(err) != server.UnknownOutcome && server.Classify(err) != server.Retry:
		return fmt.Errorf("%s on %s: %w", pluginName, servers, cause)
	case !ok:
		return fmt.Errorf("%s.%s: cannot reach ClickHouse on %s by the %s protocol%s%s: %w",
			pluginName, c.addressesField(), servers, c.protocol(), c.secured(), c.protocolHint(servers, err), cause)
	case code == server.CodeUnknownTable:
		return fmt.Errorf("%s.%s: table %q does not exist on %s; create it or correct the name: %w", pluginName, fieldTable, c.qualified(c.namer.literal()), servers, cause)
	case code == server.CodeUnknownDatabase:
		return fmt.Errorf("%s.%s: database %q does not exist on %s; create it or correct the name: %w", pluginName, fieldDatabase, c.server.Database, servers, cause)
	case server.ClassOf(code) == server.AccessFault && c.jwt+c.jwtFile != "":
		return fmt.Errorf("%s.%s: %s refuses the token; correct it or its user's rights: %w", pluginName, fieldJWT, servers, cause)
	case server.ClassOf(code) == server.AccessFault:
		return fmt.Errorf("%s.%s and %s.%s: %s refuses user %q; correct the name, the password or the user's rights: %w",
			pluginName, fieldUsername, pluginName, fieldPassword, servers, c.server.Username, cause)
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
	if s.server.TLS == nil {
		return " without " + fieldTLS
	}
	return " with " + fieldTLS
}

// qualified is a table with its database.
func (c *config) qualified(table string) string {
	t, err := server.ParseTable(table)
	if err != nil {
		return table
	}
	t.Database = cmp.Or(t.Database, c.server.Database)
	return t.String()
}

// redact takes the secrets out of an error.
func (s *serverConfig) redact(err error) error { return s.server.Redact(err) }
