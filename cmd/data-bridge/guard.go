package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/secret"
)

// guard refuses requests that a web page made a browser send.
type guard struct {
	host     string // that of http.address
	password bool   // whether the host asks for one, which a foreign page does not have
}

func newGuard(address string, password bool) *guard {
	host, _, _ := net.SplitHostPort(address) // announce has looked at it, or there is a password
	return &guard{host: host, password: password}
}

// largestBody bounds what a request may bring: configurations are small.
const largestBody = 16 << 20

// before puts the guard before a handler.
func (g *guard) before(h http.HandlerFunc, log *service.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if code, why := g.refuses(r); code != 0 {
			log.Warnf("Refused %s %s from %s: %s", r.Method, r.URL.Path, r.RemoteAddr, why)
			http.Error(w, why, code)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, largestBody)
		h(w, r)
	}
}

// simple are the types that any page may send anywhere without being asked.
var simple = map[string]bool{"text/plain": true, "application/x-www-form-urlencoded": true, "multipart/form-data": true}

// refuses returns the status code of the refusal and its reason, or 0.
func (g *guard) refuses(r *http.Request) (code int, why string) {
	switch site := r.Header.Get("Sec-Fetch-Site"); site {
	case "", "none", "same-origin":
	default:
		return http.StatusForbidden, "requests of a web page elsewhere are refused (Sec-Fetch-Site: " + site + ")"
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || !strings.EqualFold(u.Host, r.Host) || u.Host == "" {
			return http.StatusForbidden, "requests of a web page elsewhere are refused (Origin: " + origin + ")"
		}
	}
	// A foreign name may be made to mean this address (DNS rebinding): then the page
	// is of the same origin.
	if !g.password && !g.knows(r.Host) {
		return http.StatusForbidden, "the header Host (" + r.Host + ") must be an IP address, localhost or the host of http.address, unless http.basic_auth is on"
	}
	if r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if r.Header.Get("Content-Type") != "" && (err != nil || simple[kind]) {
			return http.StatusUnsupportedMediaType, "set the header Content-Type to application/yaml or application/json, which no form of a web page can send"
		}
	}
	return 0, ""
}

func (g *guard) knows(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return net.ParseIP(host) != nil || strings.EqualFold(host, "localhost") || g.host != "" && strings.EqualFold(host, g.host)
}

// withoutSecrets takes the secrets of a stream out of all that the host's handler of
// one stream answers: what GET shows, and what errors cite.
func withoutSecrets(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		secrets := secretsOfStream(h, r)
		a := &answered{header: http.Header{}}
		h(a, r)
		body := a.body.Bytes()
		var shown map[string]any
		if r.Method == http.MethodGet && json.Unmarshal(body, &shown) == nil {
			shown["config"] = secrets.Tree(shown["config"])
			body, _ = json.Marshal(shown) // what was JSON
		} else {
			body = []byte(secrets.Text(string(body)))
		}
		maps.Copy(w.Header(), a.header)
		w.Header().Del("Content-Length")
		if a.code != 0 {
			w.WriteHeader(a.code)
		}
		_, _ = w.Write(body)
	}
}

// secretsOfStream are those of the stream as it is before a request.
func secretsOfStream(h http.HandlerFunc, r *http.Request) secret.Values {
	get := r.Clone(r.Context()) // with the variables of its path
	get.Method, get.Body = http.MethodGet, http.NoBody
	a := &answered{header: http.Header{}}
	h(a, get)
	var shown struct {
		Config any `json:"config"`
	}
	if json.Unmarshal(a.body.Bytes(), &shown) != nil {
		return nil
	}
	return secret.Of(shown.Config, service.GlobalEnvironment().CoreConfigSchema(version, dateBuilt))
}

// answered keeps what a handler answers.
type answered struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answered) Header() http.Header { return a.header }

func (a *answered) WriteHeader(code int) {
	if a.code == 0 {
		a.code = code
	}
}

func (a *answered) Write(p []byte) (int, error) { return a.body.Write(p) }
