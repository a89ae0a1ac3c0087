//go:build docker

package docker

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// compose is how Docker Compose is called here, of the old kind or the new one; the test
// is skipped where there is none.
func compose(t *testing.T) string {
	t.Helper()
	needsEngine(t)
	cmd := exec.Command(theEngine.path(), "compose", "version")
	if cmd.Run() == nil {
		return "docker compose"
	}
	if _, err := exec.LookPath("docker-compose"); err == nil {
		return "docker-compose"
	}
	t.Skip("NOT RUN: there is no Docker Compose (Debian's package docker-compose)")
	return ""
}

// bridgeAlone writes a compose file that has the service of the shipped one as it is, but
// for the servers beside it, which are the test's, on the network of the host: an engine
// without networks of its own runs that too.
func (s *site) bridgeAlone() (path string) {
	s.t.Helper()
	root, err := stack.ModuleRoot()
	require.NoError(s.t, err)
	text, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	require.NoError(s.t, err)
	var file struct {
		Services map[string]map[string]any `yaml:"services"`
	}
	require.NoError(s.t, yaml.Unmarshal(text, &file))
	bridge := file.Services[name]
	require.Equal(s.t, ".", bridge["build"])
	require.NotEmpty(s.t, bridge["depends_on"])
	require.NotEmpty(s.t, bridge["ports"])
	for _, field := range []string{"build", "depends_on", "ports"} {
		delete(bridge, field)
	}
	bridge["image"], bridge["network_mode"] = image, "host"
	variables := bridge["environment"].(map[string]any)
	for name, value := range s.variables() {
		variables[name] = value
	}
	alone, err := yaml.Marshal(map[string]any{"services": map[string]any{name: bridge}, "volumes": map[string]any{"dead-letters": nil}})
	require.NoError(s.t, err)
	path = filepath.Join(s.t.TempDir(), "docker-compose.yml")
	require.NoError(s.t, os.WriteFile(path, alone, 0o600))
	return path
}

// The shipped compose file is one, with both profiles, and its service of the bridge runs
// with the rights, the bounds and the volume that it names.
func TestTheBridgeOfComposeRuns(t *testing.T) {
	cmd := compose(t)
	root, err := stack.ModuleRoot()
	require.NoError(t, err)
	shell(t, cmd+" -f "+root+"/docker-compose.yml --profile monitoring config -q")

	s := newSite(t)
	file := cmd + " -p bridge -f " + s.bridgeAlone()
	t.Cleanup(func() { shell(t, file+" down --volumes --timeout 20") })
	shell(t, file+" up --detach")
	s.connected()
	for field, want := range map[string]string{
		".HostConfig.Memory": strconv.Itoa(500 << 20), ".HostConfig.ReadonlyRootfs": "true", ".HostConfig.CapDrop": "[ALL]",
		".HostConfig.SecurityOpt": "[no-new-privileges:true]", ".HostConfig.PidsLimit": "200", ".Config.StopTimeout": "75",
		".HostConfig.LogConfig": "{json-file map[max-file:5 max-size:10m]}", ".HostConfig.RestartPolicy.Name": "unless-stopped",
	} {
		assert.Equal(t, want, s.inspect(field), field)
	}
	s.publish(20_000, marketdata.Kinds()...)
	for _, kind := range marketdata.Kinds() {
		s.stored(kind, 20_000)
	}
	s.poison()
	s.until("the dead letter is counted", func(h harness.Health) bool { return h.Outputs["clickhouse"].DeadLetters == 1 })

	s.crash()
	s.connected()
	s.publish(1000, marketdata.External)
	assert.EqualValues(t, 21_000, s.awaitStored(marketdata.External, 21_000).Distinct, "and what was not committed may be there twice")
	assert.Contains(t, shell(t, "docker exec data-bridge cat dead_letter.jsonl"), "not a number", "the volume has what the container had")

	shell(t, file+" stop")
	assert.Equal(t, "0", s.inspect(".State.ExitCode"))
	assert.Contains(t, s.logs(), "Data Bridge stopped gracefully")
}

// crash kills the process, and waits until another one runs in its place.
func (s *site) crash() {
	s.t.Helper()
	pid, err := strconv.Atoi(s.inspect(".State.Pid"))
	require.NoError(s.t, err)
	require.NoError(s.t, syscall.Kill(pid, syscall.SIGKILL))
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		now := strings.Fields(s.inspect(".RestartCount") + " " + s.inspect(".State.Status"))
		if now[0] == "1" && now[1] == "running" {
			return
		}
		require.True(s.t, time.Now().Before(deadline), "it is %v", now)
	}
}
