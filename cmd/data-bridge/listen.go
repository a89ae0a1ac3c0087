package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
	"gopkg.in/yaml.v3"
)

// httpServer is what the configuration says of the host's HTTP server.
type httpServer struct {
	enabled           bool
	address           string
	certFile, keyFile string
}

// canListen refuses to run where the host's HTTP server could not: the host logs that
// and goes on, without the endpoints by which the process is watched. It is asked before
// the host starts the server, since afterwards the address is taken in any case. What
// cannot be read of the configuration the host says itself.
func canListen(c *cli.Context, lookup func(context.Context, string) (string, bool)) error {
	if !slices.Contains([]string{"run", "streams", c.App.Name}, c.Command.Name) || c.Bool("version") {
		return nil
	}
	s, err := httpServerOf(mainConfig(c), c.StringSlice("set"), lookup)
	if err != nil || !s.enabled {
		return nil
	}
	return s.tryOut(c.Context)
}

// mainConfig is the file that the host takes http from; empty where there is none.
func mainConfig(c *cli.Context) string {
	path := c.String("config")
	switch c.Command.Name {
	case "run":
		if first := c.Args().First(); first != "" {
			path = first
		}
	case "streams":
		if root := c.String("observability"); root != "" {
			path = root
		}
	}
	for _, usual := range configPaths {
		if _, err := os.Stat(usual); err == nil && path == "" {
			path = usual
		}
	}
	return path
}

// httpServerOf reads http of a file, if one is named, with what --set puts in its place.
func httpServerOf(path string, set []string, lookup func(context.Context, string) (string, bool)) (s httpServer, err error) {
	text := []byte("{}")
	if path != "" {
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() { // a pipe is read once, by the host
			return s, err
		}
		if text, err = os.ReadFile(path); err != nil {
			return s, err
		}
	}
	querier := schema().NewConfigQuerier()
	querier.SetEnvVarLookupFunc(lookup)
	file, err := querier.ParseYAML(string(text))
	if err != nil {
		return s, err
	}
	http, err := file.FieldAtPath("http")
	if err != nil {
		return s, err
	}
	var errs [4]error
	s.address, errs[0] = http.FieldString("address")
	s.enabled, errs[1] = http.FieldBool("enabled")
	s.certFile, errs[2] = http.FieldString("cert_file")
	s.keyFile, errs[3] = http.FieldString("key_file")
	return s, errors.Join(append(errs[:], s.override(set))...)
}

func (s *httpServer) override(set []string) error {
	for _, assignment := range set {
		name, value, _ := strings.Cut(assignment, "=")
		to := map[string]any{"http.address": &s.address, "http.enabled": &s.enabled, "http.cert_file": &s.certFile, "http.key_file": &s.keyFile}[name]
		if to == nil {
			continue
		}
		if err := yaml.Unmarshal([]byte(value), to); err != nil {
			return err
		}
	}
	return nil
}

// tryOut listens for a moment.
func (s *httpServer) tryOut(ctx context.Context) error {
	const otherwise = "or set http.enabled: false to do without /ping, /ready and /metrics there"
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", s.listens())
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("http.address (%s) is in use: another process listens there, a second data-bridge perhaps: name a free one, %s", s.address, otherwise)
	case err != nil:
		return fmt.Errorf("http.address (%s) is nowhere to listen: %w: name another one, %s", s.address, err, otherwise)
	}
	if err := l.Close(); err != nil {
		return err
	}
	if s.certFile == "" || s.keyFile == "" {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(s.certFile, s.keyFile); err != nil {
		return fmt.Errorf("http.cert_file (%s) and http.key_file (%s) are no certificate with its key: %w: correct them, %s", s.certFile, s.keyFile, err, otherwise)
	}
	return nil
}

// listens is where net/http listens if it is told the address.
func (s *httpServer) listens() string {
	switch {
	case s.address != "":
		return s.address
	case s.certFile != "":
		return ":https"
	}
	return ":http"
}
