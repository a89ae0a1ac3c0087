package stack

import (
	"context"
	"os/exec"
	"path/filepath"
)

// chromiumPackage is Chromium without windows.
const chromiumPackage = "chromium-headless-shell"

// Chromium is a browser without a window: where its binary is, and what its
// environment needs beside the present one.
type Chromium struct {
	Path string
	Env  []string
}

// FindChromium is the Chromium that is installed here, if there is one, else
// Debian's package unpacked in the cache.
func FindChromium(ctx context.Context) (Chromium, error) {
	for _, name := range []string{
		chromiumPackage, "chromium", "chromium-browser", "google-chrome",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	} {
		if path, err := exec.LookPath(name); err == nil {
			return Chromium{Path: path}, nil
		}
	}
	dir, err := install(chromiumPackage, func(dir string) error {
		simulation, err := simulateInstall(ctx, chromiumPackage)
		if err != nil {
			return err
		}
		return unpackDebian(ctx, simulation, chromiumPackage, dir)
	})
	if err != nil {
		return Chromium{}, err
	}
	libraries, err := librariesIn(dir)
	if err != nil {
		return Chromium{}, err
	}
	return Chromium{Path: filepath.Join(dir, "usr", "lib", "chromium", chromiumPackage), Env: []string{libraries}}, nil
}

// axeVersion is the npm package version of axe-core.
const axeVersion = "4.14.1"

// FindAxe is the path of axe.min.js in the cache, the script that checks a page
// for what keeps people with disabilities from using it.
func FindAxe(ctx context.Context) (string, error) {
	dir, err := install("axe-core-"+axeVersion, func(dir string) error {
		progress("fetching axe-core %s by npm", axeVersion)
		return unpackNPM(ctx, "axe-core@"+axeVersion, dir)
	})
	return filepath.Join(dir, "package", "axe.min.js"), err
}
