package doctor

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

// command runs doctor by its command line.
func command(t *testing.T, usual []string, args ...string) (code int, out string, err error) {
	t.Helper()
	host := testHost
	host.ConfigPaths = usual
	code = -1
	var text bytes.Buffer
	app := &cli.App{
		Writer: &text, ErrWriter: &text,
		Commands: []*cli.Command{Command(host, func(c int) { code = c })},
	}
	err = app.RunContext(t.Context(), append([]string{"data-bridge", "doctor"}, args...))
	return code, text.String(), err
}

// Wrong usage is told apart from problems, by an error that says what is wrong.
func TestUsage(t *testing.T) {
	for message, args := range map[string][]string{
		"no config is named":                      nil,
		"--format (xml) must be text or json":     {"--format", "xml", "a.yaml"},
		"--sample (-1) must be 0 or more":         {"--sample=-1", "a.yaml"},
		"--wait (0s), --timeout (1m0s)":           {"--wait", "0s", "a.yaml"},
		"--strict comes after a config":           {"a.yaml", "--strict"},
		"flag provided but not defined: -unknown": {"--unknown"},
	} {
		code, _, err := command(t, nil, args...)
		assert.Equal(t, ExitUnchecked, code, message)
		assert.ErrorContains(t, err, message)
	}
}

func TestWhichConfigs(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("input: {generate: {mapping: root = 1}}\noutput: {drop: {}}\n"), 0o600))
		return path
	}
	a, b, usual := write("a.yaml"), write("b.yaml"), write("usual.yaml")

	code, out, err := command(t, []string{filepath.Join(dir, "none.yaml"), usual})
	require.NoError(t, err)
	assert.Equal(t, ExitWell, code)
	assert.Contains(t, out, usual+": errors 0")
	assert.Contains(t, out, "[connection] input: its connection test passes")

	code, out, err = command(t, []string{usual}, "-c", a, "--strict", b)
	require.NoError(t, err)
	assert.Equal(t, ExitProblems, code, "there is no buffer")
	assert.Contains(t, out, a+": errors 0, warnings 1")
	assert.Contains(t, out, b+": errors 0, warnings 1")
	assert.NotContains(t, out, usual)
}
