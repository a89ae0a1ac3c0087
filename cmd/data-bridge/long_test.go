package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	longNames    = regexp.MustCompile(`(?m)^LONG := (\S+)$`)
	longPackages = regexp.MustCompile(`(?m)^\tgo test .*-tags long .* '\$\(LONG\)' (.+)$`)
	testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(t `)
)

// The Makefile's test-long runs what only it builds, and all of that: a name that it
// does not know would never run, and one that others build would run twice.
func TestLongTestsAreWhatOnlyTestLongBuilds(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	require.NoError(t, err)
	pattern, packages := longNames.FindSubmatch(makefile), longPackages.FindAllSubmatch(makefile, -1)
	require.NotNil(t, pattern)
	require.NotEmpty(t, packages)
	long := regexp.MustCompile(strings.ReplaceAll(string(pattern[1]), "$$", "$"))
	runs := map[string]bool{}
	for _, line := range packages {
		for folder := range strings.FieldsSeq(string(line[1])) {
			runs[filepath.Join(repository, strings.TrimSuffix(folder, "/..."))] = true
		}
	}
	found := 0
	for _, folder := range []string{"cmd", "plugins", "tests"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(repository, folder), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			tagged := strings.HasPrefix(string(text), "//go:build long\n")
			for _, m := range testFunction.FindAllSubmatch(text, -1) {
				if name := string(m[1]); tagged {
					found++
					assert.True(t, long.MatchString(name) && runs[filepath.Dir(path)], "%s: test-long does not run %s", path, name)
				} else {
					assert.False(t, long.MatchString(name) && runs[filepath.Dir(path)], "%s: test-long runs %s, as test does", path, name)
				}
			}
			return nil
		}))
	}
	assert.Positive(t, found)
}
