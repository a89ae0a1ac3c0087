package backpressure

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

const (
	fieldTLS          = "tls"
	fieldCertFile     = "cert_file"
	fieldKeyFile      = "key_file"
	fieldBasic        = "basic_auth"
	fieldUsername     = "username"
	fieldPassword     = "password"
	fieldPasswordFile = "password_file"
	fieldBearer       = "bearer_auth"
	fieldToken        = "token"
	fieldTokenFile    = "token_file"
	fieldOpenProbes   = "open_probes"
)

// What lint and the constructor say alike.
const (
	errTLSFiles  = "status_server.tls.enabled (true) requires cert_file and key_file"
	errUsername  = "status_server.basic_auth.enabled (true) requires a username"
	errPasswords = "status_server.basic_auth.enabled (true) requires either password or password_file, and not both; an empty password lets nobody in"
	errTokens    = "status_server.bearer_auth.enabled (true) requires either token or token_file, and not both; an empty token lets nobody in"
)

// accessFields say who may look at the status listener.
func accessFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewObjectField(fieldTLS,
			service.NewBoolField(fieldServerEnabled).
				Description("Whether the listener speaks HTTPS, and nothing else.").Default(false),
			service.NewStringField(fieldCertFile).
				Description("The certificate, and those that sign it, in PEM. It is read again when the file changes.").
				Default("").Example("/etc/data-bridge/tls/tls.crt"),
			service.NewStringField(fieldKeyFile).
				Description("The key of the certificate, in PEM. It is read again when the file changes.").
				Default("").Example("/etc/data-bridge/tls/tls.key"),
		).Description("Encrypts the page, health, metrics and `admin`.").Advanced().
			LintRule(`root = if this.enabled && (this.cert_file == "" || this.key_file == "") { "` + errTLSFiles + `" }`),
		service.NewObjectField(fieldBasic,
			service.NewBoolField(fieldServerEnabled).
				Description("Whether the page, `/health`, `/pauses`, `/events` and `/metrics` take a password. A browser asks for it.").Default(false),
			service.NewStringField(fieldUsername).
				Description("The name to sign in with.").Default("").Example("operator"),
			service.NewStringField(fieldPassword).
				Description("The password.").Default("").Example("${STATUS_PASSWORD}").Secret(),
			service.NewStringField(fieldPasswordFile).
				Description("A file that holds the password, read at each request, instead of `password`.").Default("").Example("/run/secrets/status_password"),
		).Description("Asks for a name and a password. Without `tls` they are sent in clear.").Advanced().
			LintRule(`root = if this.enabled && this.username == "" { "` + errUsername + `" } else if this.enabled && (this.password == "") == (this.password_file == "") { "` + errPasswords + `" }`),
		service.NewObjectField(fieldBearer,
			service.NewBoolField(fieldServerEnabled).
				Description("Whether the page, `/health`, `/pauses`, `/events` and `/metrics` take a token. Browsers cannot bear one: use `basic_auth`, alone or beside, to look at the page.").Default(false),
			service.NewStringField(fieldToken).
				Description("What requests must carry in the header `Authorization: Bearer`.").Default("").Example("${STATUS_TOKEN}").Secret(),
			service.NewStringField(fieldTokenFile).
				Description("A file that holds the token, read at each request, instead of `token`.").Default("").Example("/run/secrets/status_token"),
		).Description("Asks for a token. Where `basic_auth` is on as well, either lets in. Without `tls` it is sent in clear.").Advanced().
			LintRule(`root = if this.enabled && (this.token == "") == (this.token_file == "") { "` + errTokens + `" }`),
		service.NewBoolField(fieldOpenProbes).
			Description("Whether `/health` is answered without a password or token where `basic_auth` or `bearer_auth` asks for one, for probes and load balancers that cannot sign in. They get the status code, and a body that says `healthy` or `unhealthy` and nothing more.").
			Default(true).Advanced(),
	}
}

// parseListener reads where the status server listens and who may look; the address
// is empty when it is off.
func parseListener(p *service.ParsedConfig) (l status.Listener, err error) {
	p = p.Namespace(fieldStatusServer)
	if on, err := p.FieldBool(fieldServerEnabled); err != nil || !on {
		return l, err
	}
	if l.Address, err = p.FieldString(fieldServerAddress); err == nil && l.Address != "" && !addressForm.MatchString(l.Address) {
		err = fmt.Errorf("%s.%s (%s) must be host:port, for example 127.0.0.1:8080", fieldStatusServer, fieldServerAddress, l.Address)
	}
	if err != nil {
		return l, err
	}
	if l.OpenProbes, err = p.FieldBool(fieldOpenProbes); err != nil {
		return l, err
	}
	return l, errors.Join(parseTLS(p, &l), parseBasic(p, &l), parseBearer(p, &l))
}

// fields reads strings of an object, and whether it is enabled.
func fields(p *service.ParsedConfig, object string, into map[string]*string) (on bool, err error) {
	if on, err = p.FieldBool(object, fieldServerEnabled); err != nil || !on {
		return on, err
	}
	for field, value := range into {
		if *value, err = p.FieldString(object, field); err != nil {
			return on, err
		}
	}
	return on, nil
}

func parseTLS(p *service.ParsedConfig, l *status.Listener) error {
	on, err := fields(p, fieldTLS, map[string]*string{fieldCertFile: &l.CertFile, fieldKeyFile: &l.KeyFile})
	if err == nil && on && (l.CertFile == "" || l.KeyFile == "") {
		return errors.New(errTLSFiles)
	}
	return err
}

func parseBasic(p *service.ParsedConfig, l *status.Listener) error {
	on, err := fields(p, fieldBasic, map[string]*string{
		fieldUsername: &l.Username, fieldPassword: &l.Password.Value, fieldPasswordFile: &l.Password.File,
	})
	switch {
	case err != nil || !on:
		return err
	case l.Username == "":
		return errors.New(errUsername)
	case (l.Password.Value == "") == (l.Password.File == ""):
		return errors.New(errPasswords)
	}
	return nil
}

func parseBearer(p *service.ParsedConfig, l *status.Listener) error {
	on, err := fields(p, fieldBearer, map[string]*string{fieldToken: &l.Bearer.Value, fieldTokenFile: &l.Bearer.File})
	if err == nil && on && (l.Bearer.Value == "") == (l.Bearer.File == "") {
		return errors.New(errTokens)
	}
	l.Bearer.Value = strings.TrimSpace(l.Bearer.Value)
	return err
}

// scheme is that of the listener's URLs.
func (c config) scheme() string {
	if c.listener.CertFile != "" {
		return "https"
	}
	return "http"
}

// errUnusable says that the listener's settings cannot be used.
func (c config) errUnusable(err error) error {
	return fmt.Errorf("backpressure: status_server.address (%s) cannot be used: %w; "+
		"name a free address, or set status_server.enabled to false", c.listener.Address, err)
}
