package stack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	libraries, err := librariesIn(dir)
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(dir, "usr", "sbin", legacyBinary), []string{libraries}, nil
}

func installLegacy(ctx context.Context, dir string) error {
	simulation, err := simulateInstall(ctx, legacyPackage)
	if err != nil {
		return err
	}
	if err := checkLegacy(simulation); err != nil {
		return err
	}
	return unpackDebian(ctx, simulation, legacyPackage, dir)
}

func checkLegacy(simulation string) error {
	if !strings.Contains(simulation, legacyPackage+" ("+legacyVersion) {
		return fmt.Errorf("apt's %s is not %s (that is in Debian 12); it said: %s", legacyPackage, legacyVersion, simulation)
	}
	return nil
}
