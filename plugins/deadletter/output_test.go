//go:build unix

package deadletter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func newOutput(t testing.TB, path string) service.BatchOutput {
	conf, err := Spec().ParseYAML(fmt.Sprintf("path: %q", path), nil)
	require.NoError(t, err)
	out, err := New(conf, service.MockResources())
	require.NoError(t, err)
	require.NoError(t, out.Connect(t.Context()))
	return out
}

func batchOf(bodies ...string) (batch service.MessageBatch) {
	for _, body := range bodies {
		batch = append(batch, service.NewMessage([]byte(body)))
	}
	return batch
}

// recordsIn returns the records of a file, each of whose lines must be a letter.
func recordsIn(t testing.TB, path string) (records []string) {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		require.True(t, strings.HasSuffix(line, "\n"), "the last line is whole")
		l, err := Parse([]byte(line))
		require.NoError(t, err)
		body, err := l.Message().AsBytes()
		require.NoError(t, err)
		records = append(records, string(body))
	}
	return records
}

func TestALineSaysWhatAndWhy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "dead.jsonl")
	m := service.NewMessage([]byte(`{"id":300,"note":"<&>"}`))
	for key, value := range map[string]string{
		"clickhouse_table": "ticks", "clickhouse_column": "id", "clickhouse_error": "out of range", "clickhouse_code": "70", "clickhouse_attempts": "2", "clickhouse_reason": "processor_error",
		"clickhouse_source": "market[3]", "clickhouse_source_offset": "17", "clickhouse_else": "x", "table": "ticks", "key": "\xff",
	} {
		m.MetaSetMut(key, value)
	}
	require.NoError(t, newOutput(t, path).WriteBatch(t.Context(), service.MessageBatch{m}))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var line map[string]any
	require.NoError(t, json.Unmarshal(text, &line))
	at, err := time.Parse(time.RFC3339Nano, line["at"].(string))
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), at, time.Hour)
	delete(line, "at")
	assert.Equal(t, map[string]any{
		"table": "ticks", "column": "id", "error": "out of range", "code": 70., "attempts": 2., "reason": "processor_error", "source": "market[3]", "offset": 17.,
		"metadata": map[string]any{"table": "ticks", "clickhouse_else": "x"}, "metadata_base64": map[string]any{"key": "/w=="},
		"record": `{"id":300,"note":"<&>"}`,
	}, line)
	assert.Contains(t, string(text), `<&>`)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

// Whatever a record and its metadata hold comes back from the line.
func TestALetterIsReadBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		meta := rapid.MapOf(rapid.StringMatching(`[a-z_]{1,12}`), rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))).Draw(t, "metadata")
		m := service.NewMessage(bytes.Clone(body))
		for key, value := range meta {
			m.MetaSetMut(key, value)
		}
		m.MetaSetMut("clickhouse_error", "why")
		l, err := Of(m, time.Now())
		require.NoError(t, err)
		var line bytes.Buffer
		require.NoError(t, l.appendTo(&line))
		require.Equal(t, line.Len()-1, bytes.IndexByte(line.Bytes(), '\n'))
		l, err = Parse(line.Bytes())
		require.NoError(t, err)
		require.Equal(t, "why", l.Error)
		got, err := l.Message().AsBytes()
		require.NoError(t, err)
		require.True(t, bytes.Equal(body, got))
		found := map[string]string{}
		require.NoError(t, l.Message().MetaWalk(func(key, value string) error { found[key] = value; return nil }))
		require.Equal(t, meta, found)
	})
}

// Who moves the file aside, or deletes it, has what was written; what follows is in a
// new one.
func TestAFileThatIsMovedAsideGetsNoMore(t *testing.T) {
	dir := t.TempDir()
	path, aside := filepath.Join(dir, "dead.jsonl"), filepath.Join(dir, "aside.jsonl")
	out := newOutput(t, path)
	require.NoError(t, out.WriteBatch(t.Context(), batchOf("1")))
	require.NoError(t, os.Rename(path, aside))
	require.NoError(t, out.WriteBatch(t.Context(), batchOf("2")))
	require.NoError(t, os.Remove(aside))
	require.NoError(t, out.WriteBatch(t.Context(), batchOf("3")))
	assert.Equal(t, []string{"2", "3"}, recordsIn(t, path))
}

// onASmallDisk runs the test once more, in a process of its own: the limit would hold
// for all that is written, what the tests write for the go command included. It
// reports whether this is that process.
func onASmallDisk(t *testing.T) bool {
	const variable = "TEST_ON_A_SMALL_DISK"
	if os.Getenv(variable) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), variable+"=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "--- PASS: "+t.Name())
	return false
}

// limitFileSize is a disk that has room for files of so many bytes only; a write
// beyond that ends in the middle.
func limitFileSize(t *testing.T, bytes uint64) (lift func()) {
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: before.Max}))
	return func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before)) }
}

// On a disk without room no line is torn, and none is there twice when there is room
// again, in no file of the batch.
func TestADiskWithoutRoomLeavesNoPartOfABatch(t *testing.T) {
	if !onASmallDisk(t) {
		return
	}
	dir := t.TempDir()
	out := newOutput(t, filepath.Join(dir, `${! content().string().slice(0, 1) }.jsonl`))
	require.NoError(t, out.WriteBatch(t.Context(), batchOf("a0", "b0")))
	batch := batchOf("a1", "b"+strings.Repeat("x", 9000), "b"+strings.Repeat("y", 9000), "a2", "c1")
	lift := limitFileSize(t, 10_000)
	for range 3 {
		require.ErrorIs(t, out.WriteBatch(t.Context(), batch), syscall.EFBIG)
		assert.Equal(t, []string{"a0"}, recordsIn(t, filepath.Join(dir, "a.jsonl")))
		assert.Equal(t, []string{"b0"}, recordsIn(t, filepath.Join(dir, "b.jsonl")))
	}
	lift()
	require.NoError(t, out.WriteBatch(t.Context(), batch))
	assert.Equal(t, []string{"a0", "a1", "a2"}, recordsIn(t, filepath.Join(dir, "a.jsonl")))
	assert.Len(t, recordsIn(t, filepath.Join(dir, "b.jsonl")), 3)
	assert.Equal(t, []string{"c1"}, recordsIn(t, filepath.Join(dir, "c.jsonl")))
}

// Half a line that a killed process left behind takes no other with it.
func TestHalfALineIsEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(`{"at":"20`), 0o600))
	require.NoError(t, newOutput(t, path).WriteBatch(t.Context(), batchOf("1")))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	torn, rest, _ := strings.Cut(string(text), "\n")
	assert.Len(t, torn, len(`{"at":"20`))
	l, err := Parse([]byte(rest))
	require.NoError(t, err)
	assert.Equal(t, "1", *l.Record)
	_, err = Parse([]byte(torn))
	require.ErrorIs(t, err, ErrNoLetter)
	_, err = Parse([]byte(`{"id":1}`))
	require.ErrorIs(t, err, ErrNoLetter)
}

// Many write while somebody keeps moving the file aside and one writer has no room:
// every record of a batch that was taken is in one file once, and no other is in any.
func TestWritersOfOneFileDoNotGetInEachOthersWay(t *testing.T) {
	if !onASmallDisk(t) {
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "dead.jsonl")
	lift := limitFileSize(t, 60_000)
	defer lift()
	var mu sync.Mutex
	var taken []string
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			out := newOutput(t, path)
			for n := range 50 {
				bodies := []string{fmt.Sprintf("%d/%d", w, n), fmt.Sprintf("%d/%d %s", w, n, strings.Repeat("x", 500))}
				if w == 0 && n%5 == 0 {
					bodies = append(bodies, strings.Repeat("z", 70_000))
				}
				if out.WriteBatch(t.Context(), batchOf(bodies...)) == nil {
					mu.Lock()
					taken = append(taken, bodies...)
					mu.Unlock()
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for moved := 0; ; moved++ {
		_ = os.Rename(path, filepath.Join(dir, fmt.Sprintf("aside%06d", moved)))
		select {
		case <-done:
		default:
			continue
		}
		break
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	var found []string
	for _, f := range files {
		found = append(found, recordsIn(t, f)...)
	}
	assert.ElementsMatch(t, taken, found)
	assert.GreaterOrEqual(t, len(taken), 2*3*50)
}

// Who waits for a file finds out that it was taken away meanwhile.
func TestAFileThatIsTakenAwayWhileSomebodyWaitsForItGetsNoMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	held, err := open(path)
	require.NoError(t, err)
	info, err := held.file.Stat()
	require.NoError(t, err)
	waiting := fmt.Sprintf(":%d ", info.Sys().(*syscall.Stat_t).Ino)
	out, done := newOutput(t, path), make(chan error, 1)
	go func() { done <- out.WriteBatch(t.Context(), batchOf("1")) }()
	require.Eventually(t, func() bool {
		locks, err := os.ReadFile("/proc/locks")
		if err != nil {
			t.Error(err)
		}
		for line := range strings.Lines(string(locks)) {
			if strings.Contains(line, "-> FLOCK") && strings.Contains(line, waiting) {
				return true
			}
		}
		return false
	}, time.Minute, time.Millisecond)
	require.NoError(t, os.Remove(path))
	require.NoError(t, held.file.Close())
	require.NoError(t, <-done)
	assert.Equal(t, []string{"1"}, recordsIn(t, path))
}

func TestWhatCannotBeWrittenIsSaidEarly(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, writable(file))
	require.NoError(t, writable(filepath.Join(dir, "not", "yet", "there")))
	require.ErrorContains(t, writable(dir), "is a folder")
	require.ErrorContains(t, writable(filepath.Join(file, "dead.jsonl")), "not a directory")
	require.ErrorIs(t, writable("/proc/1/dead.jsonl"), os.ErrPermission)
}

func TestAPathIsNeeded(t *testing.T) {
	conf, err := Spec().ParseYAML("path: ''", nil)
	require.NoError(t, err)
	_, err = New(conf, service.MockResources())
	require.EqualError(t, err, "dead_letter_file.path is empty: it has to name a file")
	err = newOutput(t, `${! @none | "" }`).WriteBatch(t.Context(), batchOf("1"))
	require.EqualError(t, err, "dead_letter_file.path is empty for a record: it has to name a file")
}

// A place that is no file, such as the terminal, takes lines as well.
func TestAPathMayBeNoFile(t *testing.T) {
	require.NoError(t, newOutput(t, os.DevNull).WriteBatch(t.Context(), batchOf("1")))
	require.ErrorIs(t, newOutput(t, "/dev/full").WriteBatch(t.Context(), batchOf("1")), syscall.ENOSPC)
}
