//go:build unix

package replay

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/deadletter"
)

// A link is followed, whatever is named twice is replayed once, and what was replayed is
// not replayed again unless somebody renames it.
func TestAFileIsReplayedOnceWhateverItIsCalled(t *testing.T) {
	r := newRig(t)
	require.NoError(t, os.Mkdir(r.path("real"), 0o700))
	path := r.write("real/dead-1.jsonl", recordsOf(1, 3)...)
	link := r.path("latest.jsonl")
	require.NoError(t, os.Symlink("real/dead-1.jsonl", link))
	require.NoError(t, os.Symlink("real", r.path("folder")))
	out, _ := r.replay(ExitStored, link, path, r.path("folder/dead-1.jsonl"))
	assert.Equal(t, "3 dead letters of 1 files tried: 3 stored, 0 dead letters again\n", out)
	assert.NoFileExists(t, path)
	done := r.only("real/dead-1.jsonl.replayed-")
	for _, name := range []string{link, path} {
		_, words := r.replay(ExitUnfinished, name)
		assert.Contains(t, words, "no such file")
	}
	_, words := r.replay(ExitUnfinished, done)
	assert.Contains(t, words, done+" was replayed already, and would be stored once more: give it another name if that is what you want")
	assert.Equal(t, numbers(1, 3), r.ids())

	// Its lines have the positions that they had.
	require.NoError(t, os.Rename(done, path))
	out, _ = r.replay(ExitStored, link)
	assert.Contains(t, out, "3 stored, 0 dead letters again")
	assert.Equal(t, numbers(1, 3), r.ids())
}

// Nobody's file is written over, whatever names replays have in common.
func TestReplayedFilesDoNotTakeEachOthersPlace(t *testing.T) {
	r := newRig(t)
	old := r.write("dead.jsonl.replaying-20200101T000000Z", recordsOf(1, 2)...)
	rest := r.write("dead.jsonl.left-20200101T000000Z", append(recordsOf(3, 4), "not JSON")...)
	path := r.write("dead.jsonl", recordsOf(5, 6)...)
	out, _ := r.replay(ExitLeft, rest, path, old)
	assert.Contains(t, out, "7 dead letters of 3 files tried: 6 stored, 1 dead letters again")
	assert.Equal(t, numbers(1, 6), r.ids())
	assert.Equal(t, []string{"dead.jsonl", "dead.jsonl.replayed-T", "dead.jsonl.replayed-T-2", "dead.jsonl.replayed-T-3"}, r.names())
}

// Two replays of one file at a time do not get in each other's way: the second is told
// who is at it, even by another name of the file.
func TestAFileIsReplayedByOneProcess(t *testing.T) {
	r := newRig(t)
	tap := r.tap()
	path := r.write("dead.jsonl", recordsOf(1, 30)...)
	require.NoError(t, os.Symlink(path, r.path("link.jsonl")))
	reached, goOn := make(chan struct{}), make(chan struct{})
	store(&tap.before, func(nth int64) bool {
		if nth == 2 {
			close(reached)
			select {
			case <-goOn:
			case <-t.Context().Done():
			}
		}
		return true
	})
	first := r.start(path)
	<-reached
	aside := strings.TrimSuffix(r.only("dead.jsonl.replaying-*.progress"), progressSuffix)
	r.write("dead.jsonl", recordsOf(31, 32)...)
	for _, name := range []string{path, r.path("link.jsonl"), aside} {
		_, words := r.replay(ExitUnfinished, name)
		assert.Contains(t, words, fmt.Sprintf("dead.jsonl is being replayed by process %d on ", first.cmd.Process.Pid))
	}
	close(goOn)
	require.Equal(t, ExitStored, first.wait(), "%s", &first.err)
	assert.Equal(t, numbers(1, 30), r.ids())
	r.replay(ExitStored, path)
	assert.Equal(t, numbers(1, 32), r.ids())
	assert.Equal(t, []string{"dead.jsonl.replayed-T", "dead.jsonl.replayed-T-2", "link.jsonl"}, stamped2(r.names()))
}

// stamped2 does not care whether two replays began in one second.
func stamped2(names []string) []string {
	for i, name := range names {
		if i > 0 && name == names[i-1] {
			names[i] += "-2"
		}
	}
	return names
}

// What cannot be replayed is refused by name before anything is moved.
func TestWhatIsNoFileOfDeadLettersIsRefused(t *testing.T) {
	r := newRig(t)
	good := r.write("dead.jsonl", recordsOf(1, 1)...)
	require.NoError(t, os.Mkdir(r.path("folder"), 0o700))
	require.NoError(t, os.WriteFile(r.path("packed.gz"), []byte("\x1f\x8b\x08rest"), 0o600))
	require.NoError(t, os.WriteFile(r.path("x.jsonl.replaying-20200101T000000Z.progress"), nil, 0o600))
	for name, want := range map[string]string{
		"folder":    "folder is a folder: name the files in it",
		"packed.gz": "packed.gz is compressed: unpack it first (gunzip)",
		"none":      "none: no such file or directory",
		"x.jsonl.replaying-20200101T000000Z.progress": "is what replay notes for itself, no file of dead letters",
	} {
		_, words := r.replay(ExitUnfinished, good, r.path(name))
		assert.Contains(t, words, want)
		assert.FileExists(t, good)
	}
	_, words := r.replay(ExitUnfinished, os.DevNull)
	assert.Contains(t, words, "/dev/null is no regular file")
	assert.NotContains(t, r.names(), "dead.jsonl.replay-lock")
	assert.Empty(t, r.ids())
}

// A file without a line, and lines that a crash has left, hold nothing up.
func TestTornAndEmptyFilesAreReplayed(t *testing.T) {
	r := newRig(t)
	out, _ := r.replay(ExitStored, r.write("empty.jsonl"))
	assert.Equal(t, "0 dead letters of 1 files tried: 0 stored, 0 dead letters again\n", out)
	path := r.write("dead.jsonl", recordsOf(1, 2)...)
	text := r.read(path)
	torn := "\x00\x00\x00\n\n" + `{"at":"20` + "\n" + text + `{"at":"2026-01-01T00:00:00Z","record":"{\"id\":9`
	require.NoError(t, os.WriteFile(path, []byte(torn), 0o600))
	out, _ = r.replay(ExitLeft, path)
	assert.Contains(t, out, "2 dead letters of 1 files tried: 2 stored, 0 dead letters again; 3 lines could not be sent and are kept in *.left-*\n  left: no dead letter")
	assert.Equal(t, "\x00\x00\x00\n"+`{"at":"20`+"\n"+`{"at":"2026-01-01T00:00:00Z","record":"{\"id\":9`+"\n", r.read(r.only("dead.jsonl.left-")))
	assert.Equal(t, numbers(1, 2), r.ids())
}

// Whoever may not do it is told what is missing, and nothing is begun.
func TestRightsThatAreMissingAreNamed(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	r := newRig(t)
	path := r.write("dead.jsonl", recordsOf(1, 1)...)
	for dir := r.dir; dir != os.TempDir(); dir = dir[:strings.LastIndexByte(dir, '/')] {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	r.user = 65534
	_, words := r.replay(ExitUnfinished, path)
	assert.Contains(t, words, path+" cannot be replayed, since its folder has to be written to: open "+path+".replay-lock: permission denied")
	require.NoError(t, os.Chmod(r.dir, 0o777))
	_, words = r.replay(ExitUnfinished, path)
	assert.Contains(t, words, "open "+path+": permission denied")
	assert.Equal(t, []string{"dead.jsonl"}, r.names())
}

// While a bridge goes on appending to the file, replay after replay takes what is there,
// and no letter is lost or stored twice.
func TestABridgeMayAppendWhileItsFileIsReplayed(t *testing.T) {
	r := newRig(t)
	path := r.path("dead.jsonl")
	const letters = 400
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	var writer sync.WaitGroup
	stop := make(chan struct{})
	writer.Go(func() {
		defer close(stop)
		for _, record := range recordsOf(1, letters) {
			line, err := json.Marshal(map[string]any{"record": record, "metadata": map[string]string{"table": r.table}})
			if !assert.NoError(t, err) || !assert.NoError(t, deadletter.Append(t.Context(), path, append(line, '\n'))) {
				return
			}
		}
	})
	for over := false; !over; {
		select {
		case <-stop:
			over = true
		default:
		}
		if _, err := os.Stat(path); err == nil {
			r.replay(ExitStored, path)
		}
	}
	writer.Wait()
	assert.Equal(t, numbers(1, letters), r.ids())
}
