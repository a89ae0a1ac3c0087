//go:build docker

package docker

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

func kafkaClient(t *testing.T, addr string) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	require.NoError(t, err)
	t.Cleanup(cl.Close)
	return cl
}

func TestWhatTheImageSaysOfItself(t *testing.T) {
	needsEngine(t)
	inspect := func(field string) string { return docker(t, "image", "inspect", "--format", field, image) }
	assert.Equal(t, "10001", inspect("{{.Config.User}}"))
	assert.Equal(t, "Apache-2.0", inspect(`{{index .Config.Labels "org.opencontainers.image.licenses"}}`))
	assert.Equal(t, version, inspect(`{{index .Config.Labels "org.opencontainers.image.version"}}`))
	assert.Equal(t, "2026-01-02T03:04:05Z", inspect(`{{index .Config.Labels "org.opencontainers.image.created"}}`))
	root, err := stack.ModuleRoot()
	require.NoError(t, err)
	licence, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	require.NoError(t, err)
	isolated := []string{"run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL"}
	of := func(args ...string) string { return docker(t, append(isolated, args...)...) }
	assert.Equal(t, strings.TrimSpace(string(licence)), of("--entrypoint", "cat", image, "/usr/share/licenses/data-bridge/LICENSE"))
	assert.Contains(t, of(image, "--version"), version)
	of(image, "lint", "/etc/data-bridge/bridge.yaml", "/etc/data-bridge/high_throughput.yaml")
	size, err := strconv.ParseInt(inspect("{{.Size}}"), 10, 64)
	require.NoError(t, err)
	t.Logf("the image has %d MB", size/1_000_000)
}

// The main job in a container with no more rights and memory than compose gives it, and
// the commands that an operator types.
func TestTheShippedPipelineInAContainer(t *testing.T) {
	s := newSite(t)
	s.run("--memory", "500m", "--stop-timeout", "75")
	s.publish(20_000, marketdata.Kinds()...)
	for _, kind := range marketdata.Kinds() {
		s.stored(kind, 20_000)
	}
	s.await("the image's own check has passed", func() bool { return s.inspect(".State.Health.Status") == "healthy" })

	require.NoError(t, s.ch.Stall())
	t.Cleanup(func() { _ = s.ch.Continue() })
	s.publish(60_000, marketdata.External)
	s.publish(60_000, marketdata.Ticks)
	s.until("the inputs are paused", func(h harness.Health) bool { return h.Metrics.Backpressure.Active })
	assert.Equal(t, "1", shell(t, `docker logs data-bridge 2>&1 | grep "BACKPRESSURE ACTIVE" | wc -l`))
	assert.Contains(t, shell(t, `docker stats data-bridge --no-stream`), "/ 500MiB")
	level := shell(t, `curl -s http://`+s.status+`/health | jq '.metrics.backpressure.current_buffer'`)
	n, err := strconv.Atoi(level)
	require.NoError(t, err)
	assert.Greater(t, n, 20_000)
	s.until("it is unhealthy", func(h harness.Health) bool { return h.Code == 503 })
	checks := s.inspect("len .State.Health.Log")
	s.await("the image's own check ran again", func() bool {
		return s.inspect("len .State.Health.Log") != checks || s.inspect("len .State.Health.Log") == "5"
	})
	assert.Equal(t, "healthy", s.inspect(".State.Health.Status"), "who restarts the unhealthy would end a bridge that waits for ClickHouse")

	require.NoError(t, s.ch.Continue())
	s.stored(marketdata.External, 80_000)
	h := s.until("the buffer is empty", func(h harness.Health) bool {
		return h.Metrics.Backpressure.Level == 0 && !h.Metrics.Backpressure.Active
	})
	s.stored(marketdata.Ticks, 80_000-h.Inputs["ticks"].Discarded())
	assert.Equal(t, "0", s.stop())
	assert.Contains(t, s.logs(), "Data Bridge stopped gracefully")
}

// Less memory than the documents ask for: collected more often, and not killed.
func TestAContainerOf300MBIsNotKilled(t *testing.T) {
	s := newSite(t)
	s.run("--memory", "300m", "--stop-timeout", "75")
	const rounds, each = 3, 60_000
	for round := range rounds {
		require.NoError(t, s.ch.Stall())
		t.Cleanup(func() { _ = s.ch.Continue() })
		s.large(round*each, (round+1)*each)
		s.until("the inputs are paused", func(h harness.Health) bool { return h.Metrics.Backpressure.PauseCount > int64(round) })
		require.NoError(t, s.ch.Continue())
		s.stored(marketdata.External, int64(round+1)*each)
	}
	assert.Equal(t, "0", s.stop())
}

// large publishes external records of 3 KB that are numbered so.
func (s *site) large(from, to int) {
	s.t.Helper()
	cl := kafkaClient(s.t, s.kafka.Addr())
	ctx, now := within(s.t), time.Now().UTC().Format(time.RFC3339)
	payload := strings.Repeat("payload ", 3000/8)
	for seq := from; seq < to; seq++ {
		cl.Produce(ctx, &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, `{"stream":"image","seq":%d,"ts":%q,"payload":%q}`, seq+1, now, payload)}, nil)
	}
	require.NoError(s.t, cl.Flush(within(s.t)))
}

// With ClickHouse frozen what is held is given up when the time to stop is over, and the
// process ends by itself, before Docker kills it.
func TestAStopWhileClickHouseHangs(t *testing.T) {
	s := newSite(t)
	s.run("--stop-timeout", "75", "-e", "SHUTDOWN_TIMEOUT=10s")
	require.NoError(t, s.ch.Stall())
	t.Cleanup(func() { _ = s.ch.Continue() })
	s.publish(1000, marketdata.External)
	s.until("they are held", func(h harness.Health) bool { return h.Inputs["external"].Received == 1000 })
	assert.NotContains(t, []string{"137", "139"}, s.stop())
}

// poison is a record that no table takes.
func (s *site) poison() {
	s.t.Helper()
	r := &kgo.Record{Topic: topic, Value: []byte(`{"seq": "not a number"}`)}
	require.NoError(s.t, kafkaClient(s.t, s.kafka.Addr()).ProduceSync(within(s.t), r).FirstErr())
}

// A platform that starts containers as a user of its own, of group 0.
func TestAnyUserOfGroup0WritesDeadLetters(t *testing.T) {
	s := newSite(t)
	s.run("--user", "123456:0")
	s.poison()
	s.until("the dead letter is counted", func(h harness.Health) bool { return h.Outputs["clickhouse"].DeadLetters == 1 })
	assert.Contains(t, shell(t, `docker exec data-bridge cat dead_letter.jsonl`), "not a number")
	assert.Equal(t, "0", s.stop())
}

// A folder of root's in the place of the volume: nothing is lost, and the operator is told.
func TestAFolderThatMayNotBeWrittenIsTold(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	s.run("-v", dir+":/var/lib/data-bridge", "--stop-timeout", "20", "-e", "SHUTDOWN_TIMEOUT=5s")
	s.poison()
	h := s.until("it says so", func(h harness.Health) bool {
		return h.Code == 503 && strings.Contains(strings.Join(h.Reasons, " "), "dead_letter has not taken 1 rows")
	})
	assert.Zero(t, h.Outputs["clickhouse"].DeadLetters)
	s.publish(1000, marketdata.Ticks)
	s.stored(marketdata.Ticks, 1000)
}
