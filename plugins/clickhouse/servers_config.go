package clickhouse

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

const (
	fieldAddresses     = "addresses"
	fieldShards        = "shards"
	fieldShardBy       = "shard_by"
	fieldLoadBalancing = "load_balancing"
	fieldProtocol      = "protocol"
	fieldDatabase      = "database"
	fieldUsername      = "username"
	fieldPassword      = "password"
	fieldPasswordFile  = "password_file"
	fieldJWT           = "jwt"
	fieldJWTFile       = "jwt_file"
	fieldCompression   = "compression"
	fieldSettings      = "settings"
	fieldTLS           = "tls"
	fieldTLSServerName = "tls_server_name"
	fieldDialTimeout   = "dial_timeout"
	fieldReadTimeout   = "read_timeout"
	fieldInsertTimeout = "insert_timeout"

	protocolNative = "native"
	protocolHTTP   = "http"
)

// serverConfig says where the servers are and how to talk to them.
type serverConfig struct {
	shards     [][]string // the replicas' host:port by shard; one shard if there are none
	sharded    bool       // by the field shards
	shardBy    string
	serverName string
	server     server.Config // but for the number of inserts at a time

	password, passwordFile, jwt, jwtFile string
	roots                                *x509.CertPool // that the certificates are checked by; nil for the machine's
}

func parseServers(p *parser) serverConfig {
	conf := p.conf
	s := serverConfig{
		shardBy:      read(p, conf.FieldString, fieldShardBy),
		password:     read(p, conf.FieldString, fieldPassword),
		passwordFile: read(p, conf.FieldString, fieldPasswordFile),
		jwt:          read(p, conf.FieldString, fieldJWT),
		jwtFile:      read(p, conf.FieldString, fieldJWTFile),
		serverName:   read(p, conf.FieldString, fieldTLSServerName),
		server: server.Config{
			HTTP:          read(p, conf.FieldString, fieldProtocol) == protocolHTTP,
			Balance:       read(p, conf.FieldString, fieldLoadBalancing),
			Database:      read(p, conf.FieldString, fieldDatabase),
			Username:      read(p, conf.FieldString, fieldUsername),
			Compression:   read(p, conf.FieldString, fieldCompression),
			DialTimeout:   read(p, conf.FieldDuration, fieldDialTimeout),
			ReadTimeout:   read(p, conf.FieldDuration, fieldReadTimeout),
			InsertTimeout: read(p, conf.FieldDuration, fieldInsertTimeout),
		},
	}
	s.server.Password = secretOf(s.password, s.passwordFile)
	s.server.JWT = secretOf(s.jwt, s.jwtFile)
	s.readAddresses(p)
	s.readSettings(p)
	s.readTLS(p)
	return s
}

// secretOf is a secret that is given as a text or as a file.
func secretOf(text, file string) server.Secret {
	if file != "" {
		return server.File(file)
	}
	return server.Text(text)
}

// readAddresses takes either way of naming the servers.
func (s *serverConfig) readAddresses(p *parser) {
	for _, shard := range read(p, p.conf.FieldObjectList, fieldShards) {
		s.shards = append(s.shards, splitList(read(p, shard.FieldStringList, fieldAddresses)))
	}
	s.sharded = len(s.shards) > 0
	plain := splitList(read(p, p.conf.FieldStringList, fieldAddresses))
	switch {
	case len(plain) == 0:
	case s.sharded && p.err == nil:
		p.err = fmt.Errorf("%s: %s and %s are both set, one of them is required", pluginName, fieldAddresses, fieldShards)
	default:
		s.shards = [][]string{plain}
	}
}

func (s *serverConfig) readTLS(p *parser) {
	conf, enabled, err := p.conf.FieldTLSToggled(fieldTLS)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("%s.%s: %w", pluginName, fieldTLS, err)
	}
	if !enabled || err != nil {
		return
	}
	s.roots = conf.RootCAs
	s.server.TLS = certificates(p.conf, s.serverName)
}

// certificates reads the certificates that the files of a configuration hold
// now, so that they may be renewed without a restart.
func certificates(conf *service.ParsedConfig, serverName string) func() (*tls.Config, error) {
	var mu sync.Mutex
	return func() (*tls.Config, error) {
		mu.Lock()
		defer mu.Unlock()
		current, _, err := conf.FieldTLSToggled(fieldTLS)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", pluginName, fieldTLS, err)
		}
		// Without a name of its own, the TLS client takes each address's host.
		current.ServerName = serverName
		return current, nil
	}
}

// readSettings keeps the types of numbers, which old servers insist on.
func (s *serverConfig) readSettings(p *parser) {
	s.server.Settings = map[string]any{}
	for name, conf := range read(p, p.conf.FieldAnyMap, fieldSettings) {
		v, err := conf.FieldAny()
		if err != nil && p.err == nil {
			p.err = err
		}
		s.server.Settings[name] = settingValue(v)
	}
}

// settingValue is a value of the configuration as server.Config wants it.
func settingValue(v any) any {
	if number, ok := v.(interface{ Int64() (int64, error) }); ok { // json.Number
		if n, err := number.Int64(); err == nil {
			return int(n)
		}
	}
	switch v := v.(type) {
	case int, bool, string:
		return v
	case int64:
		return int(v)
	}
	return fmt.Sprint(v)
}

// splitList takes items apart that hold several values divided by commas, as
// those of an environment variable are.
func splitList(items []string) (out []string) {
	for _, item := range items {
		for s := range strings.SplitSeq(item, ",") {
			out = append(out, strings.TrimSpace(s))
		}
	}
	return out
}

// validate checks what the lint rules check, for configurations that were not
// linted.
func (s *serverConfig) validate() error {
	for _, check := range []func() error{s.validateAddresses, s.validateShardBy, s.validateTLS, s.validateCredentials, s.validateTimeouts} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (s *serverConfig) validateAddresses() error {
	if len(s.shards) == 0 {
		return fmt.Errorf("%s.%s: is empty: say where ClickHouse is, by %s or by %s", pluginName, fieldAddresses, fieldAddresses, fieldShards)
	}
	for i, addresses := range s.shards {
		field := pluginName + "." + fieldAddresses
		if s.sharded {
			field = fmt.Sprintf("%s.%s.%d.%s", pluginName, fieldShards, i, fieldAddresses)
		}
		if err := checkAddresses(field, addresses); err != nil {
			return err
		}
	}
	return nil
}

func checkAddresses(field string, addresses []string) error {
	if len(addresses) == 0 {
		return fmt.Errorf("%s: is empty, at least one host:port is required", field)
	}
	for i, address := range addresses {
		if err := checkAddress(address); err != nil {
			return fmt.Errorf("%s: %q is not host:port (for example 127.0.0.1:9000): %w", field, address, err)
		}
		if slices.Contains(addresses[:i], address) {
			return fmt.Errorf("%s: %q is there twice", field, address)
		}
	}
	return nil
}

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New("the port is missing")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return errors.New("the port is not a number from 1 to 65535")
	}
	if host == "" {
		return errors.New("the host is missing")
	}
	return nil
}

func (s *serverConfig) validateShardBy() error {
	switch {
	case s.sharded && s.shardBy == "":
		return fmt.Errorf("%s.%s: is missing: with %s, say by what rows are divided among them", pluginName, fieldShardBy, fieldShards)
	case !s.sharded && s.shardBy != "":
		return fmt.Errorf("%s.%s: is %q, but there are no %s to divide rows among", pluginName, fieldShardBy, s.shardBy, fieldShards)
	}
	return nil
}

func (s *serverConfig) validateTLS() error {
	if s.server.TLS == nil {
		if s.serverName != "" {
			return fmt.Errorf("%s.%s: is %q, but %s.enabled is false", pluginName, fieldTLSServerName, s.serverName, fieldTLS)
		}
		return nil
	}
	if s.roots != nil && s.roots.Equal(x509.NewCertPool()) {
		return fmt.Errorf("%s.%s: root_cas or root_cas_file holds no certificate in PEM form", pluginName, fieldTLS)
	}
	return nil
}

func (s *serverConfig) validateCredentials() error {
	field := fieldJWT
	if s.jwtFile != "" {
		field = fieldJWTFile
	}
	switch {
	case s.password != "" && s.passwordFile != "":
		return fmt.Errorf("%s.%s: is set together with %s; one of them is enough", pluginName, fieldPassword, fieldPasswordFile)
	case s.jwt != "" && s.jwtFile != "":
		return fmt.Errorf("%s.%s: is set together with %s; one of them is enough", pluginName, fieldJWT, fieldJWTFile)
	case s.jwt == "" && s.jwtFile == "":
		return nil
	case s.server.TLS == nil:
		return fmt.Errorf("%s.%s: is set, but %s.enabled is false: a token is sent over TLS only", pluginName, field, fieldTLS)
	case s.password != "" || s.passwordFile != "" || cmp.Or(s.server.Username, server.DefaultUser) != server.DefaultUser:
		return fmt.Errorf("%s.%s: is set together with %s or %s; the token alone says who connects", pluginName, field, fieldUsername, fieldPassword)
	}
	return nil
}

func (s *serverConfig) validateTimeouts() error {
	for _, timeout := range []struct {
		field string
		value time.Duration
	}{{fieldDialTimeout, s.server.DialTimeout}, {fieldReadTimeout, s.server.ReadTimeout}, {fieldInsertTimeout, s.server.InsertTimeout}} {
		if timeout.value <= 0 {
			return fmt.Errorf("%s.%s: is %s, must be above 0", pluginName, timeout.field, timeout.value)
		}
	}
	return nil
}

// all are the addresses of every shard.
func (s *serverConfig) all() []string { return slices.Concat(s.shards...) }

// protocol is the value of the field of that name.
func (s *serverConfig) protocol() string {
	if s.server.HTTP {
		return protocolHTTP
	}
	return protocolNative
}
