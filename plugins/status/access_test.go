package status_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// listen serves an unhealthy board with these settings.
func listen(t *testing.T, l status.Listener) (site string) {
	t.Helper()
	l.Address = "127.0.0.1:0"
	s := status.NewServers()
	s.ServeMetrics(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metric 1\n") }))
	require.NoError(t, s.Check(l))
	addr, leave, err := s.Listen(l, example())
	require.NoError(t, err)
	t.Cleanup(leave)
	if l.CertFile != "" {
		return "https://" + addr.String()
	}
	return "http://" + addr.String()
}

// sign sends a request that signs in as it says.
func sign(t *testing.T, client *http.Client, method, url string, in func(*http.Request)) (code int, body string, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	if in != nil {
		in(req)
	}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	if resp.Header.Get("Content-Type") == "text/event-stream" {
		return resp.StatusCode, "", resp.Header
	}
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text), resp.Header
}

func basic(name, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(name, password) }
}

func bears(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// Everything that is looked at takes the password or the token, where they are on.
func TestWhoMayLook(t *testing.T) {
	password := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(password, []byte("from a file\n"), 0o600))
	paths := []string{"/", "/page/app.js", "/health", "/pauses", "/events", "/metrics", "/nothing"}
	for name, c := range map[string]struct {
		listener status.Listener
		in, out  map[string]func(*http.Request)
	}{
		"open": {status.Listener{}, map[string]func(*http.Request){"nobody": nil, "somebody": basic("a", "b")}, nil},
		"basic": {
			status.Listener{Username: "me", Password: status.Secret{Value: "geheim"}},
			map[string]func(*http.Request){"right": basic("me", "geheim")},
			map[string]func(*http.Request){
				"nobody": nil, "wrong password": basic("me", "geheim1"), "no password": basic("me", ""), "wrong name": basic("you", "geheim"),
				"no name": basic("", "geheim"), "a token": bears("geheim"), "no token": bears(""),
			},
		},
		"basic, from a file": {
			status.Listener{Username: "me", Password: status.Secret{File: password}},
			map[string]func(*http.Request){"right": basic("me", "from a file")},
			map[string]func(*http.Request){"wrong": basic("me", "from a file\n")},
		},
		"bearer": {
			status.Listener{Bearer: status.Secret{Value: "geheim"}},
			map[string]func(*http.Request){"right": bears("geheim")},
			map[string]func(*http.Request){"nobody": nil, "wrong": bears("geheim1"), "empty": bears(""), "basic": basic("geheim", "geheim")},
		},
		"either": {
			status.Listener{Username: "me", Password: status.Secret{Value: "geheim"}, Bearer: status.Secret{Value: "token"}},
			map[string]func(*http.Request){"password": basic("me", "geheim"), "token": bears("token")},
			map[string]func(*http.Request){"nobody": nil, "token as password": basic("me", "token"), "password as token": bears("geheim")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			site := listen(t, c.listener)
			for _, path := range paths {
				for who, in := range c.in {
					code, _, _ := sign(t, eventClient, http.MethodGet, site+path, in)
					if path == "/nothing" {
						assert.Equal(t, http.StatusNotFound, code, who)
						continue
					}
					assert.Equal(t, http.StatusOK, code, "%s %s", path, who)
				}
				for who, in := range c.out {
					code, body, header := sign(t, eventClient, http.MethodGet, site+path, in)
					assert.Equal(t, http.StatusUnauthorized, code, "%s %s", path, who)
					assert.NotEmpty(t, header.Values("WWW-Authenticate"))
					assert.NotContains(t, body, "ticks")
				}
			}
		})
	}
}

// A secret in a file is read at each request, and nobody is let in while it is not
// there.
func TestSecretsOfFilesAreReadAgain(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	write := func(text string) { require.NoError(t, os.WriteFile(token, []byte(text), 0o600)) }
	l := status.Listener{Bearer: status.Secret{File: token}}
	require.ErrorContains(t, status.NewServers().Check(l), token)
	write("")
	require.ErrorContains(t, status.NewServers().Check(l), "empty")
	write("first")
	site := listen(t, l)
	code, _, _ := sign(t, eventClient, http.MethodGet, site+"/pauses", bears("first"))
	assert.Equal(t, http.StatusOK, code)
	write("second")
	code, _, _ = sign(t, eventClient, http.MethodGet, site+"/pauses", bears("first"))
	assert.Equal(t, http.StatusUnauthorized, code)
	code, _, _ = sign(t, eventClient, http.MethodGet, site+"/pauses", bears("second"))
	assert.Equal(t, http.StatusOK, code)
	for _, gone := range []func(){func() { write("") }, func() { require.NoError(t, os.Remove(token)) }} {
		gone()
		for _, in := range []func(*http.Request){nil, bears(""), bears("second")} {
			code, _, _ = sign(t, eventClient, http.MethodGet, site+"/pauses", in)
			assert.Equal(t, http.StatusServiceUnavailable, code)
		}
	}
}

// Probes may stay open: they hear that, and not why. Operating inputs has its token.
func TestOpenProbes(t *testing.T) {
	l := status.Listener{Username: "me", Password: status.Secret{Value: "geheim"}, OpenProbes: true}
	site := listen(t, l)
	code, body, _ := sign(t, eventClient, http.MethodGet, site+"/health", nil)
	assert.Equal(t, http.StatusOK, code)
	assert.JSONEq(t, `{"service": "data-bridge", "status": "healthy"}`, body)
	_, body, _ = sign(t, eventClient, http.MethodGet, site+"/health", basic("me", "geheim"))
	assert.Contains(t, body, `"ticks"`)
	code, _, _ = sign(t, eventClient, http.MethodGet, site+"/pauses", nil)
	assert.Equal(t, http.StatusUnauthorized, code)
	for _, path := range []string{"/inputs/pause", "/backpressure", "/backpressure/reset"} {
		code, body, _ = sign(t, eventClient, http.MethodPost, site+path, nil)
		assert.Equal(t, http.StatusForbidden, code, path)
		assert.Contains(t, body, "admin.enabled is false")
	}
	code, _, _ = sign(t, eventClient, http.MethodPost, site+"/backpressured", nil)
	assert.Equal(t, http.StatusUnauthorized, code)

	l.OpenProbes = false
	code, _, _ = sign(t, eventClient, http.MethodGet, listen(t, l)+"/health", nil)
	assert.Equal(t, http.StatusUnauthorized, code)
}

// HTTPS, events included, with a certificate that is rotated under it.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	authority, err := stack.NewAuthority(dir)
	require.NoError(t, err)
	certFile, keyFile, err := authority.Issue("first", "127.0.0.1")
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pem, err := os.ReadFile(authority.CertFile())
	require.NoError(t, err)
	require.True(t, pool.AppendCertsFromPEM(pem))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool}}}
	site := listen(t, status.Listener{CertFile: certFile, KeyFile: keyFile})
	served := func() string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site+"/health", nil)
		require.NoError(t, err)
		resp, err := client.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.TLS.PeerCertificates[0].Subject.CommonName
	}
	assert.Equal(t, "first", served())
	code, _, _ := sign(t, client, http.MethodGet, site+"/events", nil)
	assert.Equal(t, http.StatusOK, code)

	nextCert, nextKey, err := authority.Issue("the second", "127.0.0.1")
	require.NoError(t, err)
	require.NoError(t, os.Rename(nextCert, certFile))
	assert.Equal(t, "first", served(), "half a rotation changes nothing")
	require.NoError(t, os.Rename(nextKey, keyFile))
	assert.Equal(t, "the second", served())
	require.NoError(t, os.Remove(keyFile))
	assert.Equal(t, "the second", served())

	resp, err := http.Get("http" + site[len("https"):] + "/health") //nolint:noctx // it must not be answered
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, http.StatusBadRequest, resp.StatusCode, "no word in clear")
	require.ErrorContains(t, status.NewServers().Check(status.Listener{CertFile: certFile, KeyFile: keyFile}), "tls.key_file ("+keyFile+")")
}

// Streams that share an address agree on who may look.
func TestStreamsThatShareAnAddressAgree(t *testing.T) {
	s := status.NewServers()
	open := status.Listener{Address: "127.0.0.1:0"}
	_, leave, err := s.Listen(open, status.NewBoard("a"))
	require.NoError(t, err)
	defer leave()
	closed := open
	closed.Bearer.Value = "token"
	require.ErrorContains(t, s.Check(closed), "bearer_auth")
	_, _, err = s.Listen(closed, status.NewBoard("b"))
	require.ErrorContains(t, err, "must be the same")
	_, leave2, err := s.Listen(open, status.NewBoard("b"))
	require.NoError(t, err)
	leave2()
}
