//go:build unix

package e2e

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Dead letters hold what others sent: nobody but the bridge's user reads them, whatever
// the umask, nor looks into the folders that are made for them.
func TestFilesAreTheirUsersAlone(t *testing.T) {
	before := syscall.Umask(0)
	t.Cleanup(func() { syscall.Umask(before) })
	dir := filepath.Join(t.TempDir(), "made")
	path := filepath.Join(dir, "dead_letter.jsonl")
	config := written(t, "letters.yaml", `
input: {generate: {mapping: 'root = {"a": 1}', count: 1, interval: ""}}
output: {file: {path: "`+path+`", codec: lines}}
http: {enabled: false}
`)
	b := startBridge(t, binary, "", nil, "run", config)
	assert.Zero(t, b.exitCode())
	for made, mode := range map[string]os.FileMode{path: 0o600, dir: 0o700} {
		info, err := os.Stat(made)
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), made)
	}
}
