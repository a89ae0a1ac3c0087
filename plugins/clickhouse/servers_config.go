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
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
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
	fieldJWT           = "jwt"
	fieldCompression   = "compression"
	fieldSettings      = "settings"
	fieldTLS           = "tls"
	fieldTLSServerName = "tls_server_name"
	fieldDialTimeout   = "dial_timeout"
	fieldReadTimeout   = "read_timeout"
	fieldInsertTimeout = "insert_timeout"

	protocolNative    = "native"
	protocolHTTP      = "http"
	compressionLZ4    = "lz4"
	compressionZSTD   = "zstd"
	compressionNone   = "none"
	balanceInOrder    = "in_order"
	balanceRoundRobin = "round_robin"
	balanceRandom     = "random"

	// defaultUser is the user that ClickHouse has from the start.
	defaultUser = "default"
)

// serverConfig says where the servers are and how to talk to them.
type serverConfig struct {
	shards        [][]string // the replicas' host:port by shard; one shard if there are none
	sharded       bool       // by the field shards
	shardBy       string
	loadBalancing string
	http          bool
	database      string
	username      string
	password      string
	jwt           string
	tls           *tls.Config // nil without TLS
	serverName    string
	compression   string
	settings      clickhouse.Settings
	dialTimeout   time.Duration
	readTimeout   time.Duration
	insertTimeout time.Duration
}

func parseServers(p *parser) serverConfig {
	conf := p.conf
	s := serverConfig{
		shardBy:       read(p, conf.FieldString, fieldShardBy),
		loadBalancing: read(p, conf.FieldString, fieldLoadBalancing),
		http:          read(p, conf.FieldString, fieldProtocol) == protocolHTTP,
		database:      read(p, conf.FieldString, fieldDatabase),
		username:      read(p, conf.FieldString, fieldUsername),
		password:      read(p, conf.FieldString, fieldPassword),
		jwt:           read(p, conf.FieldString, fieldJWT),
		serverName:    read(p, conf.FieldString, fieldTLSServerName),
		compression:   read(p, conf.FieldString, fieldCompression),
		dialTimeout:   read(p, conf.FieldDuration, fieldDialTimeout),
		readTimeout:   read(p, conf.FieldDuration, fieldReadTimeout),
		insertTimeout: read(p, conf.FieldDuration, fieldInsertTimeout),
	}
	s.readAddresses(p)
	s.readSettings(p)
	s.readTLS(p)
	return s
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
	s.tls = conf
	// Without a name of its own, the TLS client takes each address's host.
	s.tls.ServerName = s.serverName
}

// readSettings keeps the types of numbers, which old servers insist on.
func (s *serverConfig) readSettings(p *parser) {
	s.settings = clickhouse.Settings{}
	for name, conf := range read(p, p.conf.FieldAnyMap, fieldSettings) {
		v, err := conf.FieldAny()
		if err != nil && p.err == nil {
			p.err = err
		}
		s.settings[name] = settingValue(v)
	}
}

// settingValue is a value of the configuration as the driver wants it.
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
	if s.tls == nil {
		if s.serverName != "" {
			return fmt.Errorf("%s.%s: is %q, but %s.enabled is false", pluginName, fieldTLSServerName, s.serverName, fieldTLS)
		}
		return nil
	}
	if s.tls.RootCAs != nil && s.tls.RootCAs.Equal(x509.NewCertPool()) {
		return fmt.Errorf("%s.%s: root_cas or root_cas_file holds no certificate in PEM form", pluginName, fieldTLS)
	}
	return nil
}

func (s *serverConfig) validateCredentials() error {
	switch {
	case s.jwt == "":
		return nil
	case s.tls == nil:
		return fmt.Errorf("%s.%s: is set, but %s.enabled is false: a token is sent over TLS only", pluginName, fieldJWT, fieldTLS)
	case s.password != "" || cmp.Or(s.username, defaultUser) != defaultUser:
		return fmt.Errorf("%s.%s: is set together with %s or %s; the token alone says who connects", pluginName, fieldJWT, fieldUsername, fieldPassword)
	}
	return nil
}

func (s *serverConfig) validateTimeouts() error {
	for _, timeout := range []struct {
		field string
		value time.Duration
	}{{fieldDialTimeout, s.dialTimeout}, {fieldReadTimeout, s.readTimeout}, {fieldInsertTimeout, s.insertTimeout}} {
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
	if s.http {
		return protocolHTTP
	}
	return protocolNative
}
