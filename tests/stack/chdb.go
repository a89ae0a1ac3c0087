package stack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// chdbVersion is the npm package version of libchdb.so.
const chdbVersion = "26.7.3-stable.1"

// chdbPackages are the npm packages that carry the library, by platform.
var chdbPackages = map[string]string{
	"linux/amd64":  "@chdb/lib-linux-x64-gnu",
	"linux/arm64":  "@chdb/lib-linux-arm64-gnu",
	"darwin/amd64": "@chdb/lib-darwin-x64",
	"darwin/arm64": "@chdb/lib-darwin-arm64",
}

func startChDB(ctx context.Context, opts ClickHouseOptions) (ClickHouse, error) {
	library, err := installChDB(ctx)
	if err != nil {
		return nil, err
	}
	server, err := buildHelper(ctx, "chdbserver")
	if err != nil {
		return nil, err
	}
	c, err := newClickHouse(KindChDB, opts)
	if err != nil {
		return nil, err
	}
	c.protocol = ProtocolHTTP
	if c.http, c.native, err = twoAddresses(); err != nil {
		return nil, err
	}
	args := []string{"-library", library, "-path", filepath.Join(c.dir, "data"), "-listen", c.http, "-native-listen", c.native}
	if c.faulty = opts.Faults; c.faulty {
		args = append(args, "-faults")
	}
	if t := opts.TLS; t != nil {
		if c.secure, c.secureNative, err = twoAddresses(); err != nil {
			return nil, err
		}
		args = append(args, "-tls-listen", c.secure, "-native-tls-listen", c.secureNative,
			"-tls-cert", t.Cert, "-tls-key", t.Key, "-tls-client-ca", t.ClientCA)
	}
	return c.launch(ctx, func() *exec.Cmd {
		cmd := exec.Command(server, args...)
		cmd.Dir = c.dir
		cmd.Env = append(os.Environ(), "TZ=UTC", "CHDB_PASSWORD="+c.password)
		return cmd
	})
}

// twoAddresses are free ones, for HTTP and for the native protocol.
func twoAddresses() (http, native string, err error) {
	var ports [2]int
	for i := range ports {
		if ports[i], err = FreePort(); err != nil {
			return "", "", err
		}
	}
	return address(ports[0]), address(ports[1]), nil
}

// installChDB is the path of libchdb.so in the cache.
func installChDB(ctx context.Context) (string, error) {
	name, ok := chdbPackages[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return "", fmt.Errorf("fetching chDB: no package for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	dir, err := install("chdb-"+chdbVersion, func(dir string) error {
		progress("fetching chDB %s by npm (about 180 MB, 570 MB on disk)", chdbVersion)
		return unpackNPM(ctx, name+"@"+chdbVersion, dir)
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "package", "libchdb.so"), nil
}

// unpackNPM fetches a package of npm's into dir and unpacks it, without running
// anything of it.
func unpackNPM(ctx context.Context, name, dir string) error {
	if _, err := exec.LookPath("npm"); err != nil {
		return fmt.Errorf("fetching %s needs npm: %w", name, err)
	}
	if _, err := run(ctx, dir, "npm", "pack", "--silent", name); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(files) != 1 {
		return fmt.Errorf("looking for the archive of npm pack: found %v: %w", files, err)
	}
	if _, err := run(ctx, dir, "tar", "-xzf", files[0]); err != nil {
		return err
	}
	return os.Remove(files[0])
}

// buildHelper builds tests/stack/<name> into the cache and returns the binary.
// Go's own cache makes that quick when nothing has changed.
func buildHelper(ctx context.Context, name string) (string, error) {
	root, err := ModuleRoot()
	if err != nil {
		return "", err
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	unlock, err := lockCache(cache, name)
	if err != nil {
		return "", err
	}
	defer unlock()
	binary := filepath.Join(cache, "bin", name)
	if err := copyIfThere(binary, binary+".new"); err != nil { // up to date, it is not linked again
		return "", fmt.Errorf("building %s: %w", name, err)
	}
	args := []string{"build", "-o", binary + ".new", "./tests/stack/" + name}
	if _, err := run(ctx, root, "go", args...); err != nil {
		return "", err
	}
	if err := os.Rename(binary+".new", binary); err != nil { // a running one keeps its file
		return "", fmt.Errorf("building %s: %w", name, err)
	}
	return binary, nil
}

// copyIfThere copies a program, if there is one.
func copyIfThere(from, to string) error {
	program, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(to, program, 0o755)
}
