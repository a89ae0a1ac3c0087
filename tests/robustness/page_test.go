//go:build robustness

package robustness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/robustness/report"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// writePage writes what the runs have shown to a path in the repository.
func writePage(t *testing.T, path string, runs []report.Run) {
	t.Helper()
	root, err := stack.ModuleRoot()
	require.NoError(t, err)
	findings, err := report.Findings()
	require.NoError(t, err)
	version, err := exec.Command("git", "-C", root, "describe", "--tags", "--always").Output()
	if err != nil {
		version = []byte("of an unknown version")
	}
	text := report.Page(report.About{
		Date: time.Now(), Version: strings.TrimSpace(string(version)), Findings: findings,
		Machine: fmt.Sprintf("%d processors (%s/%s)", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH),
	}, runs)
	require.NoError(t, os.WriteFile(filepath.Join(root, path), []byte(text), 0o600))
}
