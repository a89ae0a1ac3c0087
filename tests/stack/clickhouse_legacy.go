package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	legacyVersion = "18.16"
	legacyPackage = "clickhouse-server"
	legacyCache   = "clickhouse-" + legacyVersion
	legacyBinary  = "clickhouse-server"
)

func startLegacy(ctx context.Context, opts ClickHouseOptions) (ClickHouse, error) {
	binary, libraries, err := findLegacy(ctx)
	if err != nil {
		return nil, err
	}
	c, err := newClickHouse(KindLegacy, opts)
	if err != nil {
		return nil, err
	}
	config, err := c.writeConfig("yandex",
		"<allow_experimental_low_cardinality_type>1</allow_experimental_low_cardinality_type>", opts)
	if err != nil {
		return nil, err
	}
	return c.launch(ctx, func() *exec.Cmd {
		cmd := exec.Command(binary, "--config-file="+config)
		cmd.Dir = c.dir
		cmd.Env = append(os.Environ(), libraries...)
		return cmd
	})
}

// findLegacy is the server's binary and what its environment needs: the
// installed one if there is one, else Debian's packages unpacked in the cache.
func findLegacy(ctx context.Context) (binary string, env []string, err error) {
	if path, err := exec.LookPath(legacyBinary); err == nil {
		out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
		if err == nil && strings.Contains(string(out), legacyVersion) {
			return path, nil, nil
		}
	}
	dir, err := install(legacyCache, func(dir string) error { return installLegacy(ctx, dir) })
	if err != nil {
		return "", nil, err
	}
	var libraries []string
	for _, lib := range []string{"usr/lib", "lib"} { // Debian packages use both
		found, err := filepath.Glob(filepath.Join(dir, lib, "*-linux-gnu"))
		if err != nil {
			return "", nil, fmt.Errorf("looking for libraries: %w", err)
		}
		libraries = append(libraries, found...)
	}
	path := "LD_LIBRARY_PATH=" + strings.Join(libraries, string(os.PathListSeparator))
	return filepath.Join(dir, "usr", "sbin", legacyBinary), []string{path}, nil
}

// installLegacy unpacks the server and the packages it needs into dir, without
// installing them: no root, and nothing on the system changes.
func installLegacy(ctx context.Context, dir string) error {
	names, err := legacyPackages(ctx)
	if err != nil {
		return err
	}
	progress("fetching Debian's %s %s and %d libraries (about 15 MB)", legacyPackage, legacyVersion, len(names)-1)
	debs, err := os.MkdirTemp(dir, "debs-")
	if err != nil {
		return err
	}
	if _, err := run(ctx, debs, "apt-get", append([]string{"download"}, names...)...); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(debs, "*.deb"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if _, err := run(ctx, debs, "dpkg-deb", "-x", file, dir); err != nil {
			return err
		}
	}
	return os.RemoveAll(debs)
}

var aptInstall = regexp.MustCompile(`(?m)^Inst (\S+)`)

// legacyPackages are the packages that apt would install for the server here:
// itself and the libraries that are missing.
func legacyPackages(ctx context.Context) ([]string, error) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return nil, fmt.Errorf("fetching ClickHouse %s needs Debian's apt-get: %w", legacyVersion, err)
	}
	simulate := func() (string, error) {
		return run(ctx, "", "apt-get", "--simulate", "--no-install-recommends", "install", legacyPackage)
	}
	out, err := simulate()
	if err != nil { // perhaps only for lack of a package list, which needs root to fetch
		progress("updating apt's package list")
		if _, updateErr := run(ctx, "", "apt-get", "update"); updateErr != nil {
			return nil, errors.Join(err, updateErr)
		}
		if out, err = simulate(); err != nil {
			return nil, err
		}
	}
	return packagesIn(out)
}

func packagesIn(simulation string) ([]string, error) {
	var names []string
	server := false
	for _, match := range aptInstall.FindAllStringSubmatch(simulation, -1) {
		names = append(names, match[1])
		server = server || match[1] == legacyPackage
	}
	if !server {
		return nil, fmt.Errorf("apt has no %s %s to install; it said: %s", legacyPackage, legacyVersion, simulation)
	}
	if !strings.Contains(simulation, legacyPackage+" ("+legacyVersion) {
		return nil, fmt.Errorf("apt's %s is not %s (that is in Debian 12); it said: %s", legacyPackage, legacyVersion, simulation)
	}
	return names, nil
}

// run runs a command to its end and returns what it wrote to stdout.
func run(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("running %s %s: %w: %s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out), nil
}
