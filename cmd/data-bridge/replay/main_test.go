//go:build unix

package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	_ "github.com/data-bridge-io/data-bridge/plugins/all"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// patience bounds waits for events.
const patience = 3 * time.Minute

// asCommand has the test binary be the command: a replay is a process that can be
// killed. Its value is how many letters are sent at a time.
const asCommand = "TEST_AS_REPLAY"

// fileLimit is how large a file of the command may get, 0 for no limit.
const fileLimit = "TEST_REPLAY_FILE_LIMIT"

// asUser is whom the command runs as, 0 for whoever runs the tests.
const asUser = "TEST_REPLAY_USER"

func TestMain(m *testing.M) {
	if letters := os.Getenv(asCommand); letters != "" {
		mostLetters, _ = strconv.Atoi(letters)
		limitFiles()
		becomeUser()
		os.Exit(command())
	}
	goleak.VerifyTestMain(stack.Main(m))
}

func command() (code int) {
	host := Host{Schema: func() *service.ConfigSchema { return service.GlobalEnvironment().FullConfigSchema("", "") }}
	app := &cli.App{Commands: []*cli.Command{Command(host, func(c int) { code = c })}}
	if err := app.RunContext(context.Background(), append([]string{"data-bridge", "replay"}, os.Args[1:]...)); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}

var tables atomic.Int64

// stampIn is the time in the name of a file.
var stampIn = regexp.MustCompile(`-\d{8}T\d{6}Z`)

// rig is a table in the shared ClickHouse, a folder, and a config for both.
type rig struct {
	t     *testing.T
	house stack.ClickHouse
	table string
	dir   string
	// letters are sent at a time.
	letters int
	// addr is where the replay finds ClickHouse; output what stands in its config
	// around %s, which is the clickhouse output.
	addr, output string
	// naming and deadLetter are fields of that.
	naming, deadLetter string
	// user runs the command, if not 0.
	user int
	// fileLimit is how large a file of the command may get, in bytes, if not 0.
	fileLimit int
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, house: stack.Shared.ClickHouse(t, stack.KindChDB), table: fmt.Sprintf("r%d", tables.Add(1)), dir: t.TempDir(), letters: 10, output: "output:\n  %s\n", naming: "${! @table }"}
	r.deadLetter = fmt.Sprintf("{dead_letter_file: {path: %q}}", r.path("dead.jsonl"))
	r.addr = r.house.Addr()
	r.exec("CREATE TABLE default." + r.table + " (id UInt32, note String) ENGINE = MergeTree ORDER BY tuple() SETTINGS non_replicated_deduplication_window = 1000")
	return r
}

func (r *rig) within() context.Context {
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	r.t.Cleanup(cancel)
	return ctx
}

func (r *rig) exec(sql string) {
	r.t.Helper()
	require.NoError(r.t, r.house.Exec(r.within(), sql))
}

// ids are those of the rows that are stored, sorted.
func (r *rig) ids() string {
	r.t.Helper()
	got, err := r.house.Query(r.within(), "SELECT arrayStringConcat(arrayMap(x -> toString(x), arraySort(groupArray(id))), ' ') FROM default."+r.table)
	require.NoError(r.t, err)
	return got[0][0]
}

// numbers are those from one to another, as ids shows them.
func numbers(from, to int) string {
	var all []string
	for i := from; i <= to; i++ {
		all = append(all, strconv.Itoa(i))
	}
	return strings.Join(all, " ")
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

// write makes a file of dead letters with the records.
func (r *rig) write(name string, records ...string) (path string) {
	r.t.Helper()
	var lines bytes.Buffer
	for i, record := range records {
		line, err := json.Marshal(map[string]any{"at": time.Unix(int64(i), 0), "record": record, "metadata": map[string]string{"table": r.table}})
		require.NoError(r.t, err)
		lines.Write(append(line, '\n'))
	}
	require.NoError(r.t, os.WriteFile(r.path(name), lines.Bytes(), 0o600))
	return r.path(name)
}

func recordsOf(from, to int) (records []string) {
	for i := from; i <= to; i++ {
		records = append(records, fmt.Sprintf(`{"id":%d,"note":"x"}`, i))
	}
	return records
}

// config writes the config and returns its name.
func (r *rig) config() string {
	r.t.Helper()
	house := fmt.Sprintf("{addresses: [%q], protocol: %s, username: %s, password: %q, table: '%s', retry: {initial_interval: 5ms, max_interval: 50ms}, dead_letter: %s}",
		r.addr, r.house.Protocol(), r.house.User(), r.house.Password(), r.naming, r.deadLetter)
	path := r.path("bridge.yaml")
	require.NoError(r.t, os.WriteFile(path, []byte(strings.ReplaceAll(r.output, "%s", "clickhouse: "+house)), 0o644))
	return path
}

// process is a replay that runs.
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	out, err bytes.Buffer
}

func (r *rig) start(args ...string) *process {
	r.t.Helper()
	p := &process{t: r.t, cmd: exec.Command(os.Args[0], append([]string{"-c", r.config()}, args...)...)}
	p.cmd.Env = append(os.Environ(), asCommand+"="+strconv.Itoa(r.letters), fileLimit+"="+strconv.Itoa(r.fileLimit), asUser+"="+strconv.Itoa(r.user))
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	require.NoError(r.t, p.cmd.Start())
	return p
}

// wait returns the exit code, -1 for one that was killed.
func (p *process) wait() int {
	p.t.Helper()
	killer := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer killer.Stop()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(p.t, err)
	}
	require.NotContains(p.t, p.err.String(), "DATA RACE")
	return p.cmd.ProcessState.ExitCode()
}

// replay runs the command and expects its exit code; it returns what it said, first to
// stdout.
func (r *rig) replay(code int, args ...string) (out, err string) {
	r.t.Helper()
	p := r.start(args...)
	require.Equal(r.t, code, p.wait(), "%s%s", &p.out, &p.err)
	return p.out.String(), p.err.String()
}

// names are those of the files in the folder but the config, with the time taken out.
func (r *rig) names() (names []string) {
	r.t.Helper()
	entries, err := os.ReadDir(r.dir)
	require.NoError(r.t, err)
	for _, e := range entries {
		if e.Name() != "bridge.yaml" {
			names = append(names, stampIn.ReplaceAllString(e.Name(), "-T"))
		}
	}
	return names
}

// only returns the only file whose name begins so.
func (r *rig) only(prefix string) string {
	r.t.Helper()
	found, err := filepath.Glob(r.path(prefix) + "*")
	require.NoError(r.t, err)
	require.Len(r.t, found, 1)
	return found[0]
}

func (r *rig) read(path string) string {
	r.t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(r.t, err)
	return string(text)
}
