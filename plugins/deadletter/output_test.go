//go:build unix

package deadletter

import (
	"bytes"
	"context"
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

// awaitOpened waits until this process has a file open so many times.
func awaitOpened(t *testing.T, path string, times int) {
	t.Helper()
	require.Eventually(t, func() bool {
		fds, err := filepath.Glob("/proc/self/fd/*")
		if err != nil {
			t.Error(err)
		}
		open := 0
		for _, fd := range fds {
			if name, _ := os.Readlink(fd); name == path {
				open++
			}
		}
		return open == times
	}, time.Minute, time.Millisecond)
}

// Who waits for a file finds out that it was taken away meanwhile.
func TestAFileThatIsTakenAwayWhileSomebodyWaitsForItGetsNoMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	held, err := open(t.Context(), path)
	require.NoError(t, err)
	out, done := newOutput(t, path), make(chan error, 1)
	go func() { done <- out.WriteBatch(t.Context(), batchOf("1")) }()
	awaitOpened(t, path, 2)
	require.NoError(t, os.Remove(path))
	require.NoError(t, held.file.Close())
	require.NoError(t, <-done)
	assert.Equal(t, []string{"1"}, recordsIn(t, path))
}

// Who waits for a file that somebody holds for ever can be called off, whether it is to
// append to it or to take it away, and nothing is lost.
func TestTheWaitForAFileEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	require.NoError(t, newOutput(t, path).WriteBatch(t.Context(), batchOf("0")))
	held, err := open(t.Context(), path)
	require.NoError(t, err)
	defer held.file.Close()
	out := newOutput(t, path)
	var name string
	for what, wait := range map[string]func(context.Context) error{
		"append": func(ctx context.Context) error { return out.WriteBatch(ctx, batchOf("1")) },
		"aside":  func(ctx context.Context) (err error) { name, err = Aside(ctx, path, path+".aside"); return err },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- wait(ctx) }()
		if what == "append" {
			awaitOpened(t, path, 2)
		}
		cancel()
		select {
		case err := <-done:
			require.ErrorIs(t, err, context.Canceled, what)
		case <-time.After(time.Minute):
			require.Fail(t, "it waits for ever", what)
		}
		if what == "aside" {
			require.NoError(t, os.Rename(name, path))
		}
	}
	assert.Equal(t, []string{"0"}, recordsIn(t, path))
}

// A file that is there is never taken the place of.
func TestAFileGetsANameThatNobodyHas(t *testing.T) {
	dir := t.TempDir()
	to := filepath.Join(dir, "to")
	for i, want := range []string{to, to + "-2", to + "-3"} {
		path := filepath.Join(dir, "from")
		require.NoError(t, os.WriteFile(path, []byte{byte('0' + i)}, 0o600))
		name, err := Rename(path, to)
		require.NoError(t, err)
		require.Equal(t, want, name)
	}
	for i, name := range []string{to, to + "-2", to + "-3"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, string(rune('0'+i)), string(text))
	}
	_, err := Rename(filepath.Join(dir, "none"), to)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoFileExists(t, to+"-4")
}

// What a record itself has under the names that the reason takes comes back, and is
// no reason where none was given.
func TestMetadataWithTheNamesOfTheReasonIsTheRecords(t *testing.T) {
	m := service.NewMessage([]byte("1"))
	m.MetaSetMut("clickhouse_error", "why")
	m.MetaSetMut("clickhouse_table", "market.ticks")
	m.MetaSetMut("clickhouse_own", `{"clickhouse_table":"dGlja3M=","clickhouse_source":"/w=="}`)
	l, err := Of(m, time.Now())
	require.NoError(t, err)
	assert.Equal(t, []string{"why", "market.ticks", ""}, []string{l.Error, l.Table, l.Source})
	assert.Equal(t, map[string]string{"clickhouse_table": "ticks"}, l.Metadata)
	assert.Equal(t, map[string][]byte{"clickhouse_source": []byte("\xff")}, l.MetadataBase64)

	m = service.NewMessage([]byte("1"))
	m.MetaSetMut("clickhouse_table", "ticks")
	l, err = Of(m, time.Now())
	require.NoError(t, err)
	assert.Empty(t, l.Table)
	assert.Equal(t, map[string]string{"clickhouse_table": "ticks"}, l.Metadata)
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
