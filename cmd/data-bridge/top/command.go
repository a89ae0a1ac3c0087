// Package top is the subcommand `data-bridge top`: the figures of the live page in a
// terminal, for who is on a server by ssh. It reads what the page reads, GET /events.
package top

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/charmbracelet/x/term"
	"github.com/urfave/cli/v2"
)

// Exit codes.
const (
	// ExitShown is that the figures were shown.
	ExitShown = 0
	// ExitUnreached is that the bridge could not be reached, or does not let us look.
	ExitUnreached = 1
	// ExitUsage is wrong usage.
	ExitUsage = 2
)

// The variables that have the credentials of the status listener.
const (
	varUsername = "STATUS_USERNAME"
	varPassword = "STATUS_PASSWORD"
	varToken    = "STATUS_TOKEN"
)

// Options are what the command line and the environment say.
type Options struct {
	Events *url.URL // of /events
	Stream string   // the id of the one to show; "" for the first, or all of them once
	Once   bool

	Username, Password string // basic authentication, unless empty
	Token              string // bearer authentication, unless empty
	TLS                *tls.Config
}

const description = `Shows what the live page shows: whether data flows, whether and since when it is
paused, why, the level, the age of the oldest record, rates, lag, what waits for a
retry, what was lost, and the last errors. It reads GET /events of the status listener,
and operates nothing.

  data-bridge top
  data-bridge top --address http://10.0.0.5:8080 --stream prices
  data-bridge top --once | less

Where the listener asks for a password (status_server.basic_auth) or a token
(bearer_auth), give them as the variables STATUS_USERNAME and STATUS_PASSWORD, or
STATUS_TOKEN, or in files. They do not go on the command line, which others can read.

Keys: q or Ctrl-C ends it; tab, left and right change the stream, where there are
several; c shows what is configured; up and down scroll. When the bridge goes away it
says so, and connects again.

With --once, and where the output is no terminal, one frame is printed as plain text.
NO_COLOR is respected, COLUMNS is the width where there is no terminal.

Exit codes: 0 it was shown; 1 the bridge could not be reached, or does not let us look;
2 wrong usage.`

func flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "address", Aliases: []string{"a"}, Value: "http://127.0.0.1:8080", Usage: "where the status listener is (status_server.address)"},
		&cli.StringFlag{Name: "stream", Aliases: []string{"s"}, Usage: "the stream to show, in streams mode"},
		&cli.BoolFlag{Name: "once", Usage: "print one frame and end"},
		&cli.StringFlag{Name: "username", EnvVars: []string{varUsername}, Usage: "the user of basic_auth"},
		&cli.StringFlag{Name: "password-file", Usage: "a file that holds the password of basic_auth"},
		&cli.StringFlag{Name: "token-file", Usage: "a file that holds the token of bearer_auth"},
		&cli.StringFlag{Name: "ca-file", Usage: "certificates to check an HTTPS listener by, in place of the machine's"},
		&cli.BoolFlag{Name: "insecure", Usage: "do not check the certificate of an HTTPS listener"},
	}
}

// Command is the subcommand. Its exit code goes to exit when it has run.
func Command(exit func(code int)) *cli.Command {
	return &cli.Command{
		Name:        "top",
		Usage:       "Show a running bridge in the terminal: state, level, rates, lag, what waits, what was lost",
		Description: description,
		Flags:       flags(),
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			exit(ExitUsage)
			return err
		},
		Action: func(c *cli.Context) error {
			o, err := parse(c, os.LookupEnv)
			if err != nil {
				exit(ExitUsage)
				return err
			}
			ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
			defer stop()
			if err := Run(ctx, o, c.App.Writer); err != nil {
				exit(ExitUnreached)
				return err
			}
			return nil
		},
	}
}

func parse(c *cli.Context, lookup func(string) (string, bool)) (o Options, err error) {
	o = Options{Stream: c.String("stream"), Once: c.Bool("once"), Username: c.String("username")}
	if c.Args().Present() {
		return o, fmt.Errorf("%q is one argument too many: the address is given by --address", c.Args().First())
	}
	if o.Events, err = eventsOf(c.String("address")); err != nil {
		return o, err
	}
	if o.Password, err = secretOf(c, lookup, "password-file", varPassword); err != nil {
		return o, err
	}
	if o.Token, err = secretOf(c, lookup, "token-file", varToken); err != nil {
		return o, err
	}
	if o.Password != "" && o.Username == "" {
		return o, fmt.Errorf("there is a password and no user: set %s, or --username", varUsername)
	}
	o.TLS, err = tlsOf(c.String("ca-file"), c.Bool("insecure"))
	return o, err
}

// eventsOf is where the events of a listener are. The scheme may be left out.
func eventsOf(address string) (*url.URL, error) {
	bad := func(why string) error {
		return fmt.Errorf("--address (%s) %s: expected is one such as http://127.0.0.1:8080", address, why)
	}
	text := address
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		address = "..." // there may be a password in it
		return nil, bad("names no host")
	case u.User != nil:
		address = u.Redacted()
		return nil, bad("holds a user, which others can read: set " + varUsername + " and " + varPassword)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, bad("is neither http nor https")
	}
	u.RawQuery, u.Fragment = "", ""
	return u.JoinPath("events"), nil
}

// secretOf reads a secret from the file that a flag names, else from a variable.
func secretOf(c *cli.Context, lookup func(string) (string, bool), flag, variable string) (string, error) {
	path := c.String(flag)
	if path == "" {
		value, _ := lookup(variable)
		return value, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("--%s: %w", flag, err)
	}
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" {
		return "", fmt.Errorf("--%s (%s) is empty", flag, path)
	}
	return value, nil
}

func tlsOf(caFile string, insecure bool) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: insecure} //nolint:gosec // on request
	if caFile == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("--ca-file: %w", err)
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--ca-file (%s) holds no certificate in PEM", caFile)
	}
	return conf, nil
}

// Run shows the bridge on out: until somebody ends it, where out is a terminal, else
// once. The first connection has to succeed.
func Run(ctx context.Context, o Options, out io.Writer) error {
	client := newClient(o)
	file, isFile := out.(*os.File)
	if o.Once || !isFile || !term.IsTerminal(file.Fd()) || os.Getenv("TERM") == "dumb" {
		return once(ctx, client, o, out)
	}
	return live(ctx, client, o, file)
}

// once prints one frame.
func once(ctx context.Context, client *client, o Options, out io.Writer) error {
	var s state
	err := client.read(ctx, func(e event) error {
		if err := s.take(e); err != nil {
			return err
		}
		return errEnough
	})
	if !errors.Is(err, errEnough) {
		return client.explain(err)
	}
	if err := s.pick(o.Stream); err != nil {
		return err
	}
	v := view{width: widthOf(out), plain: true, now: s.time}
	_, err = io.WriteString(out, strings.Join(v.once(&s, o.Stream != ""), "\n")+"\n")
	return err
}

// widthOf is how wide the output is: the terminal's, else what COLUMNS says.
func widthOf(out io.Writer) int {
	const usual = 120
	if file, ok := out.(*os.File); ok {
		if width, _, err := term.GetSize(file.Fd()); err == nil && width > 0 {
			return width
		}
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	return usual
}
