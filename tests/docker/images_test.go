//go:build docker

package docker

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

const (
	builderBase = "golang:1.26-alpine"
	imageBase   = "alpine:3.22"
	image       = "data-bridge:under-test"
	version     = "v0.0.0-under-test"
)

// buildImage builds the Dockerfile of the repository.
func buildImage(e *engine) error {
	root, err := stack.ModuleRoot()
	if err != nil {
		return err
	}
	if err := bases(e); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "docker: building the image")
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	defer cancel()
	cmd := e.command(ctx, "build", "--network=host", "--build-arg", "VERSION="+version, "--build-arg", "DATE=2026-01-02T03:04:05Z", "-t", image, root)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the image: %w\n%s", err, out)
	}
	return nil
}

// bases gets the base images of the Dockerfile, or makes some in their place.
func bases(e *engine) error {
	for _, base := range []string{imageBase, builderBase} {
		if _, err := e.run(context.Background(), "image", "inspect", base); err == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		_, err := e.run(ctx, "pull", base)
		cancel()
		if err == nil {
			continue
		}
		fmt.Fprintf(os.Stderr, "docker: NOT THE REAL %s, which cannot be pulled: one is made of what this machine has\n", base)
		if err := standIn(e, base); err != nil {
			return fmt.Errorf("making %s: %w", base, err)
		}
	}
	return nil
}

// standIn makes an image that has what the Dockerfile uses of a base.
func standIn(e *engine, base string) error {
	dir, err := os.MkdirTemp("", "data-bridge-base-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := smallSystem(dir); err != nil {
		return err
	}
	changes := []string{"--change", "ENV PATH=/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin:/sbin"}
	if base == builderBase {
		root, err := goEnv("GOROOT")
		if err != nil {
			return err
		}
		if err := os.CopyFS(filepath.Join(dir, "usr/local/go"), os.DirFS(root)); err != nil {
			return err
		}
		settings, err := goSettings()
		if err != nil {
			return err
		}
		changes = append(changes, settings...)
	}
	pack := exec.Command("tar", "-C", dir, "-c", ".")
	load := e.command(context.Background(), append(append([]string{"import"}, changes...), "-", base)...)
	if load.Stdin, err = pack.StdoutPipe(); err != nil {
		return err
	}
	if err := pack.Start(); err != nil {
		return err
	}
	if out, err := load.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return pack.Wait()
}

// smallSystem is busybox, the root's and nobody's user, certificates and time zones.
func smallSystem(dir string) error {
	for _, d := range []string{"bin", "sbin", "etc/ssl/certs", "usr/share", "usr/bin", "usr/local/bin", "var/lib", "lib"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o777|fs.ModeSticky); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/:/bin/sh\n",
		"etc/group":  "root:x:0:\n",
		// What the Dockerfile asks of it is there already.
		"sbin/apk": "#!/bin/sh\nexit 0\n",
		// Debian's busybox has none.
		"sbin/adduser": "#!/bin/sh\necho \"$5:x:$4:$4::/:/sbin/nologin\" >> /etc/passwd\necho \"$5:x:$4:\" >> /etc/group\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			return err
		}
	}
	script := `cp "$(command -v busybox)" "$1/bin/busybox"
for applet in $("$1/bin/busybox" --list); do [ -e "$1/bin/$applet" ] || ln -s busybox "$1/bin/$applet"; done
cp -L /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
cp -rL /usr/share/zoneinfo "$1/usr/share/"`
	if out, err := exec.Command("bash", "-euc", script, "-", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// goSettings hands on where this machine gets modules from.
func goSettings() (changes []string, err error) {
	for _, name := range []string{"GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE"} {
		value, err := goEnv(name)
		if err != nil {
			return nil, err
		}
		if value != "" {
			changes = append(changes, "--change", fmt.Sprintf("ENV %s=%s", name, value))
		}
	}
	return changes, nil
}

func goEnv(name string) (string, error) {
	out, err := exec.Command("go", "env", name).Output()
	return strings.TrimSpace(string(out)), err
}
