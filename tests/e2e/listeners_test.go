//go:build linux

package e2e

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// alone is set for a child of the test binary that puts loopback up in a network
// namespace of its own and then becomes the command of its arguments.
const alone = "DATA_BRIDGE_E2E_ALONE"

func init() {
	if os.Getenv(alone) == "" || len(os.Args) < 2 {
		return
	}
	if err := loopbackUp(); err != nil {
		fmt.Fprintln(os.Stderr, "putting loopback up:", err)
		os.Exit(120)
	}
	_ = os.Unsetenv(alone)
	err := syscall.Exec(os.Args[1], os.Args[1:], os.Environ())
	fmt.Fprintln(os.Stderr, err)
	os.Exit(120)
}

// loopbackUp is `ip link set lo up`.
func loopbackUp() error {
	s, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(s)
	var request struct {
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], "lo")
	request.flags = syscall.IFF_UP | syscall.IFF_RUNNING
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(s), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return errno
	}
	return nil
}

// isolated is a command in a network of its own, so that the ports that configs name
// are free, whatever else this machine does.
func isolated(t *testing.T, vars env, args ...string) (cmd *exec.Cmd, out *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd, out = exec.Command(self, append([]string{plain}, args...)...), &bytes.Buffer{}
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), alone+"=1")
	for k, v := range vars {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	} else {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("this system gives no network namespace, so it cannot be seen what a command listens on: %v", err)
	}
	return cmd, out
}

// watch collects every address that a command listens on until enough says so or the
// command has ended.
func watch(t *testing.T, cmd *exec.Cmd, out *bytes.Buffer, enough func([]string) bool) (seen []string) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	end := sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	defer end()
	deadline := time.After(patience)
	for {
		for _, address := range listening(cmd.Process.Pid) {
			if !slices.Contains(seen, address) {
				seen = append(seen, address)
			}
		}
		slices.Sort(seen)
		if enough(seen) {
			return seen
		}
		select {
		case err := <-ended:
			ended <- err
			end()
			t.Log(out.String())
			return seen
		case <-deadline:
			end()
			require.Fail(t, "it does not listen", "%v so far\n%s", seen, out)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// listening are the TCP addresses that are listened on in a process's network, as the
// kernel tells.
func listening(pid int) (addresses []string) {
	const listen = "0A"
	for _, table := range []string{"tcp", "tcp6"} {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) > 3 && f[3] == listen {
				addresses = append(addresses, decoded(f[1]))
			}
		}
	}
	return addresses
}

// decoded reads an address of /proc/net/tcp: words of four bytes, each turned round.
func decoded(text string) string {
	host, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	if err != nil {
		return text
	}
	for i := 0; i+4 <= len(raw); i += 4 {
		slices.Reverse(raw[i : i+4])
	}
	ip, _ := netip.AddrFromSlice(raw)
	var n uint16
	_, _ = fmt.Sscanf(port, "%X", &n)
	return netip.AddrPortFrom(ip.Unmap(), n).String()
}

const (
	onlyHTTP   = "127.0.0.1:4195"
	onlyStatus = "127.0.0.1:8080"
)

// shippedPipelines are all that this repository tells people to run: configs, and the
// pipelines of its documents.
func shippedPipelines(t *testing.T) map[string]string {
	t.Helper()
	pipelines := map[string]string{}
	for _, pattern := range []string{"config/*.yaml", "config/examples/*.yaml", "config/kubernetes/*/pipeline.yaml"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, path := range found {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			if strings.HasSuffix(path, "_benthos_test.yaml") {
				continue
			}
			rel, _ := filepath.Rel(root, path)
			pipelines[rel] = string(text)
		}
	}
	require.GreaterOrEqual(t, len(pipelines), 8)
	for _, document := range []string{"README.md", "docs/getting-started.md", "docs/embedding.md", "docs/configuration.md"} {
		text, err := os.ReadFile(filepath.Join(root, document))
		require.NoError(t, err)
		for i, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "\ninput:") || strings.HasPrefix(m[1], "input:") {
				pipelines[fmt.Sprintf("%s %d", document, i+1)] = m[1]
			}
		}
	}
	require.Contains(t, pipelines, "README.md 1")
	return pipelines
}

// What is shipped is reached from this host alone, until a variable or a field says
// otherwise: docs/security.md.
func TestShippedPipelinesListenOnLoopbackAlone(t *testing.T) {
	for name, text := range shippedPipelines(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := []string{onlyHTTP, onlyStatus}
			if strings.Contains(text, "http:\n  enabled: false") {
				want = []string{onlyStatus}
			}
			config := written(t, "pipeline.yaml", text)
			cmd, out := isolated(t, env{"DEAD_LETTERS": config}, "run", config)
			assert.Equal(t, want, watch(t, cmd, out, func(seen []string) bool { return len(seen) >= len(want) }))
		})
	}
}

// Neither does a command that looks, nor streams mode with or without its API.
func TestCommandsListenOnLoopbackAlone(t *testing.T) {
	shipped := filepath.Join(root, bridgeYAML)
	stream := written(t, "stream.yaml", "input: {generate: {mapping: root = 1, interval: 1m}}\nbuffer: {backpressure: {}}\noutput: {drop: {}}")
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"lint":                    {[]string{"lint", shipped}, nil},
		"doctor":                  {[]string{"doctor", "--wait", "10ms", "--timeout", "10s", shipped}, nil},
		"streams":                 {[]string{"streams", stream}, []string{onlyHTTP, onlyStatus}},
		"streams with the API":    {[]string{"streams", "--api", stream}, []string{onlyHTTP, onlyStatus}},
		"streams, empty root":     {[]string{"streams", "-o", written(t, "root.yaml", "logger: {level: WARN}"), stream}, []string{onlyHTTP, onlyStatus}},
		"a config without http":   {[]string{"run", stream}, []string{onlyHTTP, onlyStatus}},
		"http without an address": {[]string{"run", "--set", "http.debug_endpoints=true", stream}, []string{onlyHTTP, onlyStatus}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd, out := isolated(t, nil, c.args...)
			seen := watch(t, cmd, out, func(seen []string) bool { return c.want != nil && len(seen) >= len(c.want) })
			assert.Equal(t, c.want, seen)
		})
	}
}

// The scan sees a listener that is open: else the tests above could not fail.
func TestTheScanSeesWhatIsExposed(t *testing.T) {
	cmd, out := isolated(t, env{"STATUS_ADDRESS": "[::]:8080", "HTTP_ADDRESS": "0.0.0.0:4195"}, "run", filepath.Join(root, bridgeYAML))
	seen := watch(t, cmd, out, func(seen []string) bool { return len(seen) >= 2 })
	assert.Equal(t, []string{"[::]:4195", "[::]:8080"}, seen)
}
