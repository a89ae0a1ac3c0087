package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// unpackDebian fetches what apt would install for a package and unpacks it into
// dir without installing it: no root, and nothing on the system changes.
func unpackDebian(ctx context.Context, simulation, name, dir string) error {
	names, err := packagesIn(simulation, name)
	if err != nil {
		return err
	}
	progress("fetching Debian's %s and %d packages that it needs", versionIn(simulation, name), len(names)-1)
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

// simulateInstall is what apt says that it would do to install the package.
func simulateInstall(ctx context.Context, name string) (string, error) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return "", fmt.Errorf("fetching %s needs Debian's apt-get: %w", name, err)
	}
	simulate := func() (string, error) {
		return run(ctx, "", "apt-get", "--simulate", "--no-install-recommends", "install", name)
	}
	out, err := simulate()
	if err == nil { // else perhaps only for lack of a package list, which needs root to fetch
		return out, nil
	}
	progress("updating apt's package list")
	if _, updateErr := run(ctx, "", "apt-get", "update"); updateErr != nil {
		return "", errors.Join(err, updateErr)
	}
	return simulate()
}

var aptInstall = regexp.MustCompile(`(?m)^Inst (\S+)(?: \((\S+))?`)

// packagesIn are the packages that apt would install: the one of that name and
// the missing ones that it needs.
func packagesIn(simulation, name string) ([]string, error) {
	var names []string
	for _, match := range aptInstall.FindAllStringSubmatch(simulation, -1) {
		names = append(names, match[1])
	}
	if !slices.Contains(names, name) {
		return nil, fmt.Errorf("apt-get would not install %s:\n%s", name, simulation)
	}
	return names, nil
}

// versionIn is the package with the version that apt would install.
func versionIn(simulation, name string) string {
	for _, match := range aptInstall.FindAllStringSubmatch(simulation, -1) {
		if match[1] == name {
			return strings.TrimSpace(name + " " + match[2])
		}
	}
	return name
}

// librariesIn is the environment variable that lets programs find the shared
// libraries that were unpacked into dir.
func librariesIn(dir string) (string, error) {
	var libraries []string
	for _, lib := range []string{"usr/lib", "lib"} { // Debian packages use both
		found, err := filepath.Glob(filepath.Join(dir, lib, "*-linux-gnu"))
		if err != nil {
			return "", fmt.Errorf("looking for libraries: %w", err)
		}
		libraries = append(libraries, found...)
		for _, f := range found { // PulseAudio keeps its own in a folder
			more, err := filepath.Glob(filepath.Join(f, "pulseaudio"))
			if err != nil {
				return "", fmt.Errorf("looking for libraries: %w", err)
			}
			libraries = append(libraries, more...)
		}
	}
	return "LD_LIBRARY_PATH=" + strings.Join(libraries, string(os.PathListSeparator)), nil
}
