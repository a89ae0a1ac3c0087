package nats

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/network"
)

// Fields of the connection, with the names that Redpanda Connect gives them
// where it has them.
const (
	fieldURLs            = "urls"
	fieldName            = "name"
	fieldReconnectWait   = "reconnect_wait"
	fieldReconnectJitter = "reconnect_jitter"
	fieldTLS             = "tls"
	fieldAuth            = "auth"
	fieldUser            = "user"
	fieldPassword        = "password"
	fieldToken           = "token"
	fieldNKeyFile        = "nkey_file"
	fieldCredentialsFile = "user_credentials_file"
	fieldInboxPrefix     = "inbox_prefix"
	fieldGate            = "gate"
)

// The patterns serve the lint rules and the constructor alike, so that the two
// cannot disagree.
const (
	urlPattern      = `^((nats|tls|ws|wss)://)?([^\s/@]*@)?(\[[0-9a-fA-F:.]+\]|[^\s/@:\[\]]+)(:[0-9]+)?(/\S*)?$`
	userinfoPattern = `^([a-z]+://)?.*@`
)

var (
	validURL = regexp.MustCompile(urlPattern)
	userinfo = regexp.MustCompile(userinfoPattern)
)

// connectionHeadFields are the fields that open an input's configuration.
func connectionHeadFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringListField(fieldURLs).
			Description("The servers to connect to, of one cluster. An item that contains commas is taken as several URLs. " +
				"The scheme is `nats`, `tls`, `ws` or `wss`; without one it is `nats`.").
			Example([]string{"nats://127.0.0.1:4222"}).
			Example([]string{"tls://nats-1:4222", "tls://nats-2:4222"}),
	}
}

// connectionTailFields are the fields that close it.
func connectionTailFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(fieldName).
			Description("The name under which the server lists the connection. By default the label of this input.").
			Default("").Example("data-bridge-1").Advanced(),
		service.NewDurationField(fieldReconnectWait).
			Description("How long to wait between two attempts to reach the same server after the connection was lost. The first attempt is made at once, unless one was within this time. Attempts go on for ever.").
			Default("2s").Example("500ms").Advanced().
			LintRule(durationLintRule(fieldReconnectWait)),
		service.NewDurationField(fieldReconnectJitter).
			Description("A random time of up to this much is added to each wait, so that many clients do not return at the same moment.").
			Default("100ms").Example("1s").Advanced().
			LintRule(durationLintRule(fieldReconnectJitter)),
		service.NewStringField(fieldInboxPrefix).
			Description("What the subjects begin with on which we are answered, where the user may not subscribe to `_INBOX.>`.").
			Default("").Example("_INBOX_bridge").Advanced().LintRule(prefixLintRule(fieldInboxPrefix)),
		service.NewTLSToggledField(fieldTLS),
		authField(),
		service.NewStringField(fieldGate).
			Description("The name of the gate to obey. Needed only by an input under `input_resources` in streams mode, which lives outside of its stream: " +
				"give the same name to the `backpressure` buffer.").
			Default("").Example("market").Advanced(),
	}
}

func authField() *service.ConfigField {
	return service.NewObjectField(fieldAuth,
		service.NewStringField(fieldUser).
			Description("A user name.").Default("").Example("bridge"),
		service.NewStringField(fieldPassword).
			Description("The password of the user.").Default("").Example("${NATS_PASSWORD}").Secret(),
		service.NewStringField(fieldToken).
			Description("A token.").Default("").Example("${NATS_TOKEN}").Secret(),
		service.NewStringField(fieldNKeyFile).
			Description("A file that holds an NKEY seed.").Default("").Example("./seed.nk"),
		service.NewStringField(fieldCredentialsFile).
			Description("A file that holds user credentials: a JWT and its NKEY seed.").Default("").Example("./user.creds"),
	).Description("How to prove who we are. One of: user and password, token, NKEY, credentials file; none by default. Files, those of `tls` included, are read again for each connection: what is rotated in them is used by the next one.").
		Example(map[string]any{fieldUser: "bridge", fieldPassword: "${NATS_PASSWORD}"}).
		Advanced().
		LintRule(authLintRule)
}

// connectionConfig is everything needed to reach the servers and to find the
// stream's gate.
type connectionConfig struct {
	urls            []string
	name            string
	reconnectWait   time.Duration
	reconnectJitter time.Duration
	tls             *tls.Config                 // nil without TLS
	readTLS         func() (*tls.Config, error) // reads the files of tls again
	inboxPrefix     string
	auth            authConfig
	gate            string
	network         network.Dial // nil for TCP
}

type authConfig struct {
	user, password, token, nkeyFile, credentialsFile string
}

func parseConnection(conf *service.ParsedConfig) (c connectionConfig, err error) {
	p := fields{conf: conf}
	for _, item := range p.strings(fieldURLs) {
		for _, u := range strings.Split(item, ",") {
			c.urls = append(c.urls, strings.TrimSpace(u))
		}
	}
	c.name = p.string(fieldName)
	c.reconnectWait = p.duration(fieldReconnectWait)
	c.reconnectJitter = p.duration(fieldReconnectJitter)
	c.gate = p.string(fieldGate)
	c.inboxPrefix = p.string(fieldInboxPrefix)
	c.auth = authConfig{
		user:            p.string(fieldAuth, fieldUser),
		password:        p.string(fieldAuth, fieldPassword),
		token:           p.string(fieldAuth, fieldToken),
		nkeyFile:        p.string(fieldAuth, fieldNKeyFile),
		credentialsFile: p.string(fieldAuth, fieldCredentialsFile),
	}
	if p.err != nil {
		return c, p.err
	}
	tlsConf, enabled, err := conf.FieldTLSToggled(fieldTLS)
	if err != nil {
		return c, err
	}
	if enabled {
		c.tls = tlsConf
		c.readTLS = func() (*tls.Config, error) {
			again, _, err := conf.FieldTLSToggled(fieldTLS)
			return again, err
		}
	}
	return c, c.validate()
}

func (c connectionConfig) validate() error {
	if len(c.urls) == 0 {
		return errors.New(fieldURLs + " is empty: name at least one server, such as nats://127.0.0.1:4222")
	}
	for _, u := range c.urls {
		if !isURL(u) {
			return fmt.Errorf("%s: %q is no NATS URL: nats://host:port is expected, or the scheme tls, ws or wss", fieldURLs, redact(u))
		}
	}
	if c.reconnectWait < 0 || c.reconnectJitter < 0 {
		return fmt.Errorf("%s (%s) and %s (%s) must not be negative",
			fieldReconnectWait, c.reconnectWait, fieldReconnectJitter, c.reconnectJitter)
	}
	if err := validatePrefix(fieldInboxPrefix, c.inboxPrefix); err != nil {
		return err
	}
	return c.auth.validate()
}

// prefixPattern is a subject without wildcards that others are put behind, or
// nothing.
const prefixPattern = `^$|^[^\s.*>]+(\.[^\s.*>]+)*$`

var validPrefix = regexp.MustCompile(prefixPattern)

func validatePrefix(field, prefix string) error {
	if !validPrefix.MatchString(prefix) {
		return fmt.Errorf(badPrefix, field, prefix)
	}
	return nil
}

func (a authConfig) validate() error {
	ways := slices.DeleteFunc([]string{a.user, a.token, a.nkeyFile, a.credentialsFile}, func(s string) bool { return s == "" })
	switch {
	case len(ways) > 1:
		return errors.New(authAmbiguous)
	case a.password != "" && a.user == "":
		return errors.New(authNoUser)
	}
	return nil
}

func isURL(u string) bool {
	if !strings.Contains(u, "://") {
		u = "nats://" + u
	}
	_, err := url.Parse(u)
	return err == nil && validURL.MatchString(u)
}

// redact hides what a URL says before the @: a password, or a token.
func redact(u string) string { return userinfo.ReplaceAllString(u, "${1}***@") }

// servers names the servers for logs and errors, without secrets.
func (c connectionConfig) servers() string {
	shown := make([]string, len(c.urls))
	for i, u := range c.urls {
		shown[i] = redact(u)
	}
	return strings.Join(shown, ", ")
}
