package stack

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// serverConfig is enough for one loopback server, old or new: little memory,
// few threads, no system log tables.
const serverConfig = `<?xml version="1.0"?>
<%[1]s>
  <logger><level>warning</level><console>1</console></logger>
  <listen_host>127.0.0.1</listen_host>
  <tcp_port>%[2]d</tcp_port>
  <http_port>%[3]d</http_port>
  <path>%[4]s/data/</path>
  <tmp_path>%[4]s/tmp/</tmp_path>
  <user_files_path>%[4]s/user_files/</user_files_path>
  <format_schema_path>%[4]s/format_schemas/</format_schema_path>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <timezone>UTC</timezone>
  <mark_cache_size>67108864</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <max_concurrent_queries>100</max_concurrent_queries>
  <keep_alive_timeout>10</keep_alive_timeout>
%[5]s</%[1]s>
`

const usersConfig = `<?xml version="1.0"?>
<%[1]s>
  <profiles><default>
    <max_memory_usage>2000000000</max_memory_usage>
    %[2]s
  </default><reading><readonly>1</readonly></reading>%[5]s</profiles>
  <users><default>
    <password>%[3]s</password>
    <networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
  </default>%[4]s</users>
  <quotas><default></default></quotas>
</%[1]s>
`

const oneMoreUser = `<%[1]s>
    <password>%[2]s</password>
    <networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
    <profile>%[3]s</profile>
    <quota>default</quota>
  </%[1]s>`

// secureConfig leaves out older protocols than today's clients speak.
const secureConfig = `  <tcp_port_secure>%[1]d</tcp_port_secure>
  <openSSL><server>
    <certificateFile>%[2]s</certificateFile>
    <privateKeyFile>%[3]s</privateKeyFile>
    <caConfig>%[4]s</caConfig>
    <verificationMode>%[5]s</verificationMode>
    <loadDefaultCAFile>false</loadDefaultCAFile>
    <cacheSessions>false</cacheSessions>
    <disableProtocols>sslv2,sslv3</disableProtocols>
    <preferServerCiphers>true</preferServerCiphers>
  </server></openSSL>
`

// secureSection gives c its port for TLS.
func (c *clickhouseServer) secureSection(t *ServerTLS) (string, error) {
	if t == nil {
		return "", nil
	}
	port, err := FreePort()
	if err != nil {
		return "", err
	}
	c.secure = address(port)
	mode := "none"
	if t.ClientCA != "" {
		mode = "strict"
	}
	return fmt.Sprintf(secureConfig, port, t.Cert, t.Key, t.ClientCA, mode), nil
}

// writeConfig gives c its ports and writes its two configuration files, whose
// root element and extra profile settings depend on the server's age.
func (c *clickhouseServer) writeConfig(root, profile string, opts ClickHouseOptions) (path string, err error) {
	native, err := FreePort()
	if err != nil {
		return "", err
	}
	http, err := FreePort()
	if err != nil {
		return "", err
	}
	c.native, c.http = address(native), address(http)
	var password strings.Builder
	if err := xml.EscapeText(&password, []byte(c.password)); err != nil {
		return "", fmt.Errorf("writing ClickHouse's configuration: %w", err)
	}
	secure, err := c.secureSection(opts.TLS)
	if err != nil {
		return "", err
	}
	var users, profiles strings.Builder
	if opts.ReadOnlyUser != "" {
		fmt.Fprintf(&users, oneMoreUser, opts.ReadOnlyUser, password.String(), "reading")
	}
	for name, settings := range opts.Profiles {
		fmt.Fprintf(&users, oneMoreUser, name, password.String(), name)
		fmt.Fprintf(&profiles, "<%[1]s>%[2]s</%[1]s>", name, settings)
	}
	files := map[string]string{
		"config.xml": fmt.Sprintf(serverConfig, root, native, http, c.dir, secure),
		"users.xml":  fmt.Sprintf(usersConfig, root, profile, password.String(), users.String(), profiles.String()),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("writing ClickHouse's configuration: %w", err)
		}
	}
	return filepath.Join(c.dir, "config.xml"), nil
}
