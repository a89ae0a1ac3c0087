//go:build unix

package replay

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who ends a replay while ClickHouse does not answer is told how many letters are stored,
// how many are not, and where those are; the next replay of the file goes on there.
func TestAReplayIsEndedWhileClickHouseDoesNotAnswer(t *testing.T) {
	require.LessOrEqual(t, grace+abortTimeout, 2*time.Second)
	r := newRig(t)
	tap := r.tap()
	path, other := r.write("dead.jsonl", recordsOf(1, 35)...), r.write("other.jsonl", recordsOf(101, 102)...)
	reached, over := make(chan struct{}), make(chan struct{})
	store(&tap.after, func(nth int64) bool {
		if nth == 2 {
			close(reached)
			select {
			case <-over:
			case <-t.Context().Done():
			}
		}
		return nth != 2
	})
	p := r.start(path, other)
	<-reached
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Equal(t, ExitUnfinished, p.wait())
	close(over)
	aside, otherAside := strings.TrimSuffix(r.only("dead.jsonl.replaying-*.progress"), progressSuffix), r.only("other.jsonl.replaying-")
	assert.Contains(t, p.out.String(), "10 dead letters of 2 files tried: 10 stored, 0 dead letters again")
	assert.Contains(t, p.err.String(), "interrupted: 10 letters are settled, 25 are not, of which those of the bytes ")
	assert.Contains(t, p.err.String(), "were under way and may be stored; what was not tried is in "+aside)
	assert.Contains(t, p.err.String(), "nothing was tried yet of "+otherAside)
	out, _ := r.replay(ExitStored, path, other)
	assert.Contains(t, out, "27 dead letters of 2 files tried: 27 stored, 0 dead letters again")
	assert.Equal(t, numbers(1, 35)+" 101 102", r.ids())
}

// On a disk on which the progress cannot be noted nothing is sent that would be sent
// again later without being known.
func TestADiskWithoutRoomForTheProgressStopsTheReplay(t *testing.T) {
	r := newRig(t)
	path := r.write("dead.jsonl", recordsOf(1, 25)...)
	for limit := 50; ; limit += 80 { // in the first note, before a batch, and behind it
		r.fileLimit = limit
		p := r.start(path)
		code := p.wait()
		if code == ExitStored {
			require.Greater(t, limit, 250)
			break
		}
		require.Equal(t, ExitUnfinished, code)
		require.Contains(t, p.err.String(), "noting the progress: write ")
		require.Contains(t, p.err.String(), "file too large")
	}
	assert.Equal(t, numbers(1, 25), r.ids())
	assert.Equal(t, []string{"dead.jsonl.replayed-T"}, r.names())
}

// Notes of another file, or that are damaged, are refused: they would have letters left
// out.
func TestNotesOfAnotherFileAreRefused(t *testing.T) {
	r := newRig(t)
	tap := r.tap()
	path := r.write("dead.jsonl", recordsOf(1, 35)...)
	store(&tap.after, func(nth int64) bool { return nth < 2 })
	p := r.start(path)
	require.Eventually(t, func() bool { return tap.inserts.Load() > 2 }, patience, time.Millisecond)
	require.NoError(t, p.cmd.Process.Kill())
	p.wait()
	store(&tap.after, nil)
	notes := r.only("dead.jsonl.replaying-*.progress")
	aside := strings.TrimSuffix(notes, progressSuffix)
	text, noted := r.read(aside), r.read(notes)
	for what, change := range map[string]func() error{
		"another first line": func() error { return os.WriteFile(aside, []byte("\n"+text), 0o600) },
		"cut off":            func() error { return os.WriteFile(aside, []byte(text[:len(text)/3]), 0o600) },
		"another batch": func() error {
			return os.WriteFile(aside, []byte(strings.ReplaceAll(text, `{\"id\":15,`, `{\"id\":99,`)), 0o600)
		},
	} {
		require.NoError(t, change(), what)
		_, words := r.replay(ExitUnfinished, path)
		assert.Contains(t, words, aside+" is not the file any more that "+notes+" was noted of", what)
		require.NoError(t, os.WriteFile(aside, []byte(text), 0o600))
	}
	require.NoError(t, os.WriteFile(notes, []byte(strings.Replace(noted, `"to"`, `to`, 1)), 0o600))
	_, words := r.replay(ExitUnfinished, path)
	assert.Contains(t, words, notes+" is damaged: remove it to replay its file from the beginning")
	require.NoError(t, os.WriteFile(notes, []byte(noted+`{"done":tr`), 0o600)) // as a crash leaves it
	r.replay(ExitStored, path)
	assert.Equal(t, numbers(1, 35), r.ids())
}
