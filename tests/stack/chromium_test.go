package stack

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChromiumStarts(t *testing.T) {
	c, err := FindChromium(t.Context())
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), c.Path, "--version", "--no-sandbox")
	cmd.Env = append(os.Environ(), c.Env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Regexp(t, `Chrom(e|ium) \d+`, string(out))
}

func TestAxeIsAScript(t *testing.T) {
	path, err := FindAxe(t.Context())
	require.NoError(t, err)
	script, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(script), axeVersion)
}
