package backpressure

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func TestWhoMayLookIsConfigured(t *testing.T) {
	p, err := spec().ParseYAML(`
status_server:
  address: 0.0.0.0:8080
  tls: {enabled: true, cert_file: a.pem, key_file: a.key}
  basic_auth: {enabled: true, username: me, password: geheim}
  bearer_auth: {enabled: true, token_file: token}
  open_probes: false
`, nil)
	require.NoError(t, err)
	l, err := parseListener(p)
	require.NoError(t, err)
	assert.Equal(t, status.Listener{
		Address: "0.0.0.0:8080", CertFile: "a.pem", KeyFile: "a.key",
		Username: "me", Password: status.Secret{Value: "geheim"}, Bearer: status.Secret{File: "token"},
	}, l)

	p, err = spec().ParseYAML(`status_server: {basic_auth: {username: me, password: geheim}, tls: {cert_file: a}}`, nil)
	require.NoError(t, err)
	l, err = parseListener(p)
	require.NoError(t, err)
	assert.Equal(t, status.Listener{Address: "127.0.0.1:8080", OpenProbes: true}, l, "what is not enabled is not used")
}

// Lint and run refuse the same, in the same words.
func TestWhoMayLookIsRefused(t *testing.T) {
	for yaml, says := range map[string]string{
		"tls: {enabled: true}":                                                            errTLSFiles,
		"tls: {enabled: true, cert_file: a}":                                              errTLSFiles,
		"basic_auth: {enabled: true, password: a}":                                        errUsername,
		"basic_auth: {enabled: true, username: a}":                                        errPasswords,
		"basic_auth: {enabled: true, username: a, password: b, password_file: c}":         errPasswords,
		"bearer_auth: {enabled: true}":                                                    errTokens,
		"bearer_auth: {enabled: true, token: a, token_file: b}":                           errTokens,
		"bearer_auth: {enabled: true, token_file: /nowhere}":                              "/nowhere",
		"tls: {enabled: true, cert_file: /nowhere/a, key_file: /nowhere/b}":               "tls.cert_file (/nowhere/a)",
		"basic_auth: {enabled: true, username: a, password_file: /nowhere/password}":      "/nowhere/password",
		"{tls: {enabled: true, cert_file: a}, basic_auth: {enabled: true, username: ''}}": errTLSFiles,
	} {
		t.Run(yaml, func(t *testing.T) {
			if yaml[0] != '{' {
				yaml = "{" + yaml + "}"
			}
			_, err := parse("status_server: "+yaml, service.MockResources())
			require.ErrorContains(t, err, says)
			if says[0] == '/' || says[:4] == "tls." {
				return // lint does not look at files
			}
			lints, err := service.GlobalEnvironment().NewComponentConfigLinter().LintBufferYAML([]byte("backpressure: {status_server: " + yaml + "}"))
			require.NoError(t, err)
			require.NotEmpty(t, lints)
			assert.Contains(t, lints[0].What, says)
		})
	}
}
