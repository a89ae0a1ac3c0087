package status

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// Listener says where a status listener listens and who may look. It is comparable:
// streams that share an address must agree on all of it.
type Listener struct {
	Address string
	// CertFile and KeyFile make it HTTPS. A rotated certificate is served from the next
	// connection on.
	CertFile, KeyFile string
	// Username and Password let those in who name them (basic authentication); empty
	// names let nobody in.
	Username string
	Password Secret
	// Bearer lets those in who bear the token.
	Bearer Secret
	// OpenProbes answers the probes to everybody, in one word.
	OpenProbes bool
}

// Secret is a value, or a file that holds it, which is read at each use.
type Secret struct{ Value, File string }

// Set reports whether there is one.
func (s Secret) Set() bool { return s.Value != "" || s.File != "" }

func (s Secret) read() (string, error) {
	if s.File == "" {
		return s.Value, nil
	}
	text, err := os.ReadFile(s.File)
	if err != nil {
		return "", err
	}
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" {
		return "", fmt.Errorf("%s is empty", s.File)
	}
	return value, nil
}

// check reports what of a listener's files cannot be used.
func (l Listener) check() error {
	for _, s := range []Secret{l.Password, l.Bearer} {
		if _, err := s.read(); err != nil {
			return fmt.Errorf("reading a secret: %w", err)
		}
	}
	if l.CertFile == "" {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(l.CertFile, l.KeyFile); err != nil {
		return fmt.Errorf("reading tls.cert_file (%s) and tls.key_file (%s): %w", l.CertFile, l.KeyFile, err)
	}
	return nil
}

// probe is the path that machines ask, which often cannot sign in.
const probe = "/health"

type accessKey struct{}

// stranger reports whether a request is answered although nobody has signed in.
func stranger(r *http.Request) bool { return r.Context().Value(accessKey{}) != nil }

// operates reports whether a path is for operators, who have a token of their own.
func operates(path string) bool {
	return strings.HasPrefix(path, "/inputs/") || path == settingsPath || strings.HasPrefix(path, settingsPath+"/")
}

// protect lets requests through to h that bear what the listener asks for, and those
// of operators.
func (l Listener) protect(h http.Handler) http.Handler {
	if l.Username == "" && !l.Bearer.Set() {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ok, err := l.admits(r)
		switch {
		case ok || operates(r.URL.Path):
			h.ServeHTTP(w, r)
		case l.OpenProbes && r.URL.Path == probe:
			h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), accessKey{}, true)))
		case err != nil:
			http.Error(w, "the file of a secret cannot be read: see status_server in the config", http.StatusServiceUnavailable)
		default:
			l.challenge(w)
		}
	})
}

func (l Listener) challenge(w http.ResponseWriter) {
	if l.Username != "" {
		w.Header().Add("WWW-Authenticate", `Basic realm="data-bridge", charset="UTF-8"`)
	}
	if l.Bearer.Set() {
		w.Header().Add("WWW-Authenticate", `Bearer realm="data-bridge"`)
	}
	http.Error(w, "sign in: status_server asks for it", http.StatusUnauthorized)
}

// admits reports whether a request bears the password or the token. It takes as long
// whatever is wrong.
func (l Listener) admits(r *http.Request) (bool, error) {
	if l.Bearer.Set() {
		want, err := l.Bearer.read()
		if err != nil {
			return false, err
		}
		if token, bears := bearer(r); bears && same(token, want) {
			return true, nil
		}
	}
	if l.Username == "" {
		return false, nil
	}
	want, err := l.Password.read()
	if err != nil {
		return false, err
	}
	username, password, signed := r.BasicAuth()
	named, knows := same(username, l.Username), same(password, want)
	return signed && named && knows, nil
}

// same compares in a time that tells nothing about what is wanted. Nothing is the
// same as an empty secret.
func same(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && want != ""
}

// certificate is one of files, read again when they have changed.
type certificate struct {
	certFile, keyFile string

	mu   sync.Mutex
	seen [2]stamp
	have *tls.Certificate
}

type stamp struct {
	modified time.Time
	size     int64
}

// get returns the certificate of the files as they are; while they are not a pair,
// as in the middle of a rotation, the one before.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var now [2]stamp
	for i, path := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(path); err == nil {
			now[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	if c.have != nil && now == c.seen {
		return c.have, nil
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		if c.have == nil {
			return nil, err
		}
		return c.have, nil
	}
	c.have, c.seen = &pair, now
	return c.have, nil
}

// secure is the listener's TLS configuration; nil where it has none. HTTP/2 is left
// out: the bounds count connections.
func (l Listener) secure() *tls.Config {
	if l.CertFile == "" {
		return nil
	}
	c := &certificate{certFile: l.CertFile, keyFile: l.KeyFile}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: c.get}
}

// errDiffer says that streams do not agree on a listener.
var errDiffer = errors.New("another stream serves this address with other settings: tls, basic_auth, bearer_auth and open_probes must be the same in all streams that share an address")
