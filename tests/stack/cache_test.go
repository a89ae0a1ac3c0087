package stack

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInstallRunsOnceAndShowsOnlyWholeFolders(t *testing.T) {
	t.Setenv(EnvCache, t.TempDir())
	var fills atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			dir, err := install("thing", func(dir string) error {
				fills.Add(1)
				return errors.Join(os.WriteFile(filepath.Join(dir, "a"), nil, 0o600), os.WriteFile(filepath.Join(dir, "b"), nil, 0o600))
			})
			if !assert.NoError(t, err) {
				return
			}
			assert.FileExists(t, filepath.Join(dir, "a"))
			assert.FileExists(t, filepath.Join(dir, "b"))
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1, fills.Load())
}

func TestInstallTriesAgainAfterAFailure(t *testing.T) {
	t.Setenv(EnvCache, t.TempDir())
	_, err := install("thing", func(dir string) error {
		return errors.Join(errors.New("no network"), os.WriteFile(filepath.Join(dir, "half"), nil, 0o600))
	})
	require.ErrorContains(t, err, "installing thing: no network")
	dir, err := install("thing", func(string) error { return nil })
	require.NoError(t, err)
	assert.NoFileExists(t, filepath.Join(dir, "half"))
}

func TestCacheFolderIsTheRepositorysOwn(t *testing.T) {
	t.Setenv(EnvCache, "")
	root, err := ModuleRoot()
	require.NoError(t, err)
	dir, err := CacheDir()
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, ".cache"), dir)
}

func TestPackagesThatAptWouldInstall(t *testing.T) {
	names, err := packagesIn("Reading...\nInst libre2-9 (1 Debian)\nInst clickhouse-server (18.16.1+ds Debian [amd64])\nConf libre2-9\n", legacyPackage)
	require.NoError(t, err)
	assert.Equal(t, []string{"libre2-9", "clickhouse-server"}, names)
	require.NoError(t, checkLegacy("Inst clickhouse-server (18.16.1+ds Debian [amd64])\n"))
	require.ErrorContains(t, checkLegacy("Inst clickhouse-server (26.1 Other)\n"), "is not 18.16")
	_, err = packagesIn("nothing to do", legacyPackage)
	require.ErrorContains(t, err, "would not install clickhouse-server")
}

func TestParseTSV(t *testing.T) {
	assert.Equal(t, [][]string{{"a\tb", `c\`}, {`\N`, ""}}, parseTSV("a\\tb\tc\\\\\n\\N\t\n"))
	assert.Empty(t, parseTSV(""))
}

func TestFreePortsDiffer(t *testing.T) {
	seen := map[int]bool{}
	for range 3 * blockSize {
		port, err := FreePort()
		require.NoError(t, err)
		require.False(t, seen[port])
		seen[port] = true
		_, err = net.Listen("tcp", address(port-(port-firstPort)%blockSize))
		require.Error(t, err, "its block is ours, and no other process takes ports from it")
	}
}
