package backpressure

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func TestDefaults(t *testing.T) {
	r := newRig(t, "")
	assert.Equal(t, config{
		enabled: true, limits: gate.Limits{Max: 50000, Pause: 40000, Yield: 30000, Resume: 20000}.WithBytes(128 << 20),
		feeds:     status.Feeds{Ticks: []string{"ticks"}, Candles: []string{"ch_candles"}, External: []string{"external"}, CHBuffer: "CH"},
		heartbeat: 5 * time.Second, alertAfter: 10 * time.Minute,
		written: written{"enabled": true, "pause_threshold": "80%", "yield_threshold": "", "resume_threshold": "40%", "alert_after": "10m"},
		count:   10000, byteSize: 16 << 20, period: 500 * time.Millisecond, linkGrace: 30 * time.Second,
		alertInterval: time.Minute,
	}, r.conf)

	p, err := spec().ParseYAML("", nil)
	require.NoError(t, err)
	listener, err := parseListener(p)
	require.NoError(t, err)
	assert.Equal(t, status.Listener{Address: "127.0.0.1:8080", OpenProbes: true}, listener)
}

func TestThresholdForms(t *testing.T) {
	for _, yaml := range []string{
		"pause_threshold: 30000\nresume_threshold: 15000",
		"pause_threshold: '30000'\nresume_threshold: '15000'",
		"pause_threshold: 60%\nresume_threshold: 30%",
		"pause_threshold: 60.0%\nresume_threshold: 15000",
	} {
		assert.Empty(t, lint(t, yaml), yaml)
		r := newRig(t, yaml)
		assert.Equal(t, gate.Limits{Max: 50000, Pause: 30000, Yield: 22500, Resume: 15000}.WithBytes(128<<20), r.conf.limits, yaml)
	}
}

func TestGroupsAreOrderedByName(t *testing.T) {
	r := newRig(t, grouped)
	assert.Empty(t, lint(t, grouped))
	assert.Equal(t, []status.Group{
		{Name: "CH", Labels: []string{"ticks", "ch_candles"}},
		{Name: "Ext", Labels: []string{"external"}},
	}, r.conf.groups)
}

func TestSizeForms(t *testing.T) {
	for text, want := range map[string]int64{
		"256MiB": 256 << 20, "1.5 GB": 1500000000, "0": 0, "'0'": 0, "''": 0, "67108864": 64 << 20, "64mi": 64 << 20, "1TiB": 1 << 40, "5000B": 5000,
	} {
		yaml := "max_bytes: " + text
		assert.Empty(t, lint(t, yaml), yaml)
		r := newRig(t, yaml)
		assert.Equal(t, want, r.conf.limits.Bytes.Max, yaml)
	}
	r := newRig(t, "max_bytes: 100MB\nbatch: {byte_size: 40MB}")
	assert.EqualValues(t, 40000000, r.conf.byteSize)
	r = newRig(t, "max_bytes: 0\nbatch: {byte_size: 40MB}")
	assert.EqualValues(t, 40000000, r.conf.byteSize)
	r = newRig(t, "resume_threshold: 1%\nmax_bytes: 100MB\nbatch: {count: 100}")
	assert.EqualValues(t, 1000000, r.conf.byteSize, "the default is never what is too large")
}

func TestAdmin(t *testing.T) {
	yaml := "status_server: {admin: {enabled: true, token: ' secret ', allow_remote: true}}"
	assert.Empty(t, lint(t, yaml))
	p, err := spec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	admin, err := parseAdmin(p)
	require.NoError(t, err)
	assert.Equal(t, status.Admin{Enabled: true, Token: "secret", AllowRemote: true}, admin)
}

var linter = sync.OnceValue(func() *service.ComponentConfigLinter {
	return service.GlobalEnvironment().NewComponentConfigLinter()
})

func lint(t *testing.T, yaml string) string {
	t.Helper()
	lints, err := linter().LintBufferYAML([]byte("backpressure:\n  " + strings.ReplaceAll(yaml, "\n", "\n  ") + "\n"))
	require.NoError(t, err)
	var out strings.Builder
	for _, l := range lints {
		out.WriteString(l.Error() + "\n")
	}
	return out.String()
}

// Bad values are refused by lint and by the constructor alike, naming the field
// and the value.
func TestBadConfiguration(t *testing.T) {
	for name, test := range map[string]struct {
		yaml string
		says []string
	}{
		"a threshold in powers of ten": {"pause_threshold: '4e4'", []string{"pause_threshold (4e4)", "whole number of messages"}},
		"a size beyond all bounds":     {"max_bytes: 9999999999999TB", []string{"max_bytes (9999999999999TB)", "256MiB"}},
		"a port beyond all bounds":     {"status_server: {address: '127.0.0.1:65536'}", []string{"status_server.address (127.0.0.1:65536)", "host:port"}},
		"resume above pause":           {"pause_threshold: 100\nresume_threshold: 200\nbatch: {count: 10}", []string{"resume_threshold (200)", "pause_threshold (100)", "max_buffer_size (50000)"}},
		"resume equals pause":          {"pause_threshold: 50%\nresume_threshold: 50%", []string{"resume_threshold", "pause_threshold", "out of order"}},
		"pause above max":              {"max_buffer_size: 1000\npause_threshold: 1001\nbatch: {count: 10}", []string{"pause_threshold (1001)", "max_buffer_size (1000)"}},
		"percentage over 100":          {"pause_threshold: 120%", []string{"pause_threshold", "120%"}},
		"yield equals pause":           {"yield_threshold: 80%", []string{"yield_threshold (", "pause_threshold (", "0 < yield_threshold < pause_threshold"}},
		"yield above pause":            {"yield_threshold: 45000", []string{"yield_threshold (45000)", "out of order"}},
		"zero yield":                   {"yield_threshold: 0", []string{"yield_threshold (0)"}},
		"yield is no number":           {"yield_threshold: some", []string{"yield_threshold", "some"}},
		"negative percentage":          {"resume_threshold: -5%", []string{"resume_threshold", "-5%"}},
		"not a number":                 {"pause_threshold: plenty", []string{"pause_threshold", "plenty"}},
		"zero resume":                  {"resume_threshold: 0", []string{"resume_threshold (0)"}},
		"batch above resume":           {"batch: {count: 20001}", []string{"batch.count (20001)", "resume_threshold"}},
		"no batch":                     {"batch: {count: 0}", []string{"batch.count (0)"}},
		"no size":                      {"max_bytes: plenty", []string{"max_bytes (plenty)", "256MiB"}},
		"size of a wrong unit":         {"max_bytes: 5i", []string{"max_bytes (5i)"}},
		"negative size":                {"max_bytes: '-5MiB'", []string{"max_bytes (-5MiB)"}},
		"a tiny bound":                 {"max_bytes: 2B", []string{"max_bytes (2", "too small"}},
		"no batch size":                {"batch: {byte_size: big}", []string{"batch.byte_size (big)", "256MiB"}},
		"batch above resume (B)":       {"max_bytes: 100MB\nbatch: {byte_size: 41MB}", []string{"batch.byte_size (41", "40000000 B"}},
		"no token":                     {"status_server: {admin: {enabled: true, token: ' '}}", []string{"status_server.admin.token", "status_server.admin.enabled (true)"}},
		"nothing to administer":        {"status_server: {enabled: false, admin: {enabled: true, token: x}}", []string{"status_server.enabled (false)"}},
		"no heartbeat":                 {"heartbeat_interval: 0s", []string{"heartbeat_interval (0s)", "above zero"}},
		"negative alert":               {"alert_after: -1m", []string{"alert_after (-1m", "above zero"}},
		"groups are not a map":         {"groups: [CH]", []string{"groups"}},
		"groups are not of list":       {"groups: {CH: ticks}", []string{"groups"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(test.yaml, service.MockResources())
			require.Error(t, err)
			linted := lint(t, test.yaml)
			for _, word := range test.says {
				assert.Contains(t, err.Error(), word)
				assert.Contains(t, linted, word)
			}
		})
	}
}

// A threshold that is derived from a wrong one is not blamed as well.
func TestOneWrongThresholdIsOneComplaint(t *testing.T) {
	linted := lint(t, "pause_threshold: 120%")
	assert.Equal(t, 1, strings.Count(linted, "\n"), linted)
	assert.NotContains(t, linted, "yield_threshold")
}

// Whatever the numbers, lint and the constructor agree.
func TestLintAgreesWithTheConstructor(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(rt, what) }
		yaml := fmt.Sprintf("max_buffer_size: %s\nmax_bytes: %s\npause_threshold: %s\nyield_threshold: %s\nresume_threshold: %s\nbatch: {count: %s, byte_size: %s}",
			draw("max", "0", "3", "7", "1000", "50000"),
			draw("bytes", "0", "''", "1", "2B", "9B", "2345", "1KB", "1.5MiB", "5i", "x", "128MiB", "1TiB"),
			draw("pause", "2", "80%", "99.9%", "100%", "101%", "900"), draw("yield", "''", "''", "1", "60%", "80%", "0", "-3", "x", "700"), draw("resume", "1", "33.3%", "40%", "79.9%", "600"),
			draw("count", "0", "1", "333", "601"),
			draw("batch", "''", "0", "1B", "780B", "400B", "401B", "500KB", "50MiB", "big"))
		_, err := parse(yaml+"\nstatus_server: {enabled: false}", service.MockResources())
		if linted := lint(t, yaml); (err == nil) != (linted == "") {
			rt.Fatalf("%s\nconstructor: %v\nlint: %s", yaml, err, linted)
		}
	})
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, err = parse("status_server: {address: '"+l.Addr().String()+"'}", service.MockResources())
	require.Error(t, err)
	assert.Contains(t, err.Error(), "status_server.address ("+l.Addr().String()+")")
	assert.Contains(t, err.Error(), "address already in use")
}

func TestConstructorHasNoEffect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	_, err = parse("status_server: {address: '"+address+"'}", service.MockResources())
	require.NoError(t, err)
	l, err = net.Listen("tcp", address) // not kept; goleak checks the rest
	require.NoError(t, err)
	require.NoError(t, l.Close())
}
