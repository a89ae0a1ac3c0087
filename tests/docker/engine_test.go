//go:build docker

package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait. It is generous: no test passes or fails by how fast this
// machine is.
const patience = 5 * time.Minute

// engine is a Docker engine.
type engine struct {
	host string // as DOCKER_HOST has it; empty for the one of the environment
	cmd  string // the docker command
	own  *os.Process
	dir  string // of an own one
}

// findEngine returns the engine that runs, or starts one.
func findEngine() (*engine, error) {
	e := &engine{cmd: builder()}
	if _, err := e.run(context.Background(), "info"); err == nil {
		return e, nil
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("no Docker engine runs, and only root may start one")
	}
	daemon, err := exec.LookPath("dockerd")
	if err != nil {
		return nil, errors.New("no Docker engine runs, and there is no dockerd to start (Debian's package docker.io)")
	}
	return e, e.start(daemon)
}

// builder is a docker command that builds with BuildKit: new ones need a plugin for that,
// which may not be there where Debian's does it by itself.
func builder() string {
	const debian = "/usr/bin/docker"
	if exec.Command("docker", "buildx", "version").Run() != nil && fileExists(debian) {
		return debian
	}
	return "docker"
}

func (e *engine) start(daemon string) error {
	dir, err := os.MkdirTemp("", "data-bridge-docker-")
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	e.dir, e.host = dir, "unix://"+filepath.Join(dir, "socket")
	cmd := exec.Command(daemon, "--bridge=none", "--iptables=false", "--ip-forward=false", "--host="+e.host,
		"--data-root="+filepath.Join(dir, "data"), "--exec-root="+filepath.Join(dir, "exec"), "--pidfile="+filepath.Join(dir, "pid"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	e.own = cmd.Process
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if _, err := e.run(context.Background(), "info"); err == nil {
			return nil
		}
		select {
		case err := <-ended:
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("dockerd ended: %w\n%s", err, text)
		case <-time.After(200 * time.Millisecond):
		}
	}
	return errors.New("dockerd does not answer")
}

// stop ends an own engine and removes all that it had.
func (e *engine) stop() {
	if e.own == nil {
		return
	}
	_ = e.own.Signal(syscall.SIGTERM)
	for e.own.Signal(syscall.Signal(0)) == nil {
		time.Sleep(50 * time.Millisecond)
	}
	_ = exec.Command("umount", filepath.Join(e.dir, "exec", "netns", "default")).Run() // dockerd leaves the host's network mounted
	if err := os.RemoveAll(e.dir); err != nil {
		fmt.Fprintln(os.Stderr, "docker: removing what the engine had:", err)
	}
}

func (e *engine) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, e.cmd, args...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=1")
	if e.host != "" {
		cmd.Env = append(cmd.Env, "DOCKER_HOST="+e.host)
	}
	return cmd
}

func (e *engine) run(ctx context.Context, args ...string) (string, error) {
	cmd := e.command(ctx, args...)
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", strings.Join(args, " "), err, failed.String())
	}
	return strings.TrimSpace(string(out)), nil
}

func needsEngine(t *testing.T) {
	t.Helper()
	if theEngine == nil {
		t.Skip("NOT RUN:", noEngine)
	}
}

// docker runs a command that has to go well, and returns what it prints.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	out, err := theEngine.run(ctx, args...)
	require.NoError(t, err)
	return out
}

// shell runs a line as an operator would type it, where docker is this engine's.
func shell(t *testing.T, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", line)
	cmd.Env = theEngine.command(ctx).Env
	cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(theEngine.path())+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", line, out)
	return strings.TrimSpace(string(out))
}

func (e *engine) path() string {
	path, _ := exec.LookPath(e.cmd)
	return path
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
