package faults

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAScriptIsWrittenAsItIsRead(t *testing.T) {
	const text = "+clickhouse.stall ~800ms bridge.kill ~1.5s -clickhouse.stall ! topic.trim !"
	s, err := Parse(text)
	require.NoError(t, err)
	assert.Equal(t, text, s.String())
	for _, bad := range []string{"+clickhouse.stal", "~soon", "bridge", "-nobody.knows"} {
		_, err := Parse("! " + bad)
		assert.ErrorContains(t, err, bad)
	}
}

func TestEachFaultHasANameOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range All() {
		assert.False(t, seen[f.Name], f.Name)
		seen[f.Name] = true
		assert.Equal(t, 1, strings.Count(f.Name, "."), f.Name)
		assert.NotNil(t, f.Begin, f.Name)
	}
}

// A seed draws the same script each time, and each fault once; what begins ends before
// the next recovery, and faults that overlap hit different targets.
func TestASeedDrawsEachFaultOnce(t *testing.T) {
	for seed := range uint64(200) {
		s := Draw(All(), rand.New(rand.NewPCG(seed, 1)))
		require.Equal(t, s, Draw(All(), rand.New(rand.NewPCG(seed, 1))))
		read, err := Parse(s.String())
		require.NoError(t, err)
		require.Equal(t, s.String(), read.String())
		times, begun := map[string]int{}, map[string]bool{}
		for _, step := range s {
			f, _ := Find(step.Fault)
			switch step.Verb {
			case doBegin:
				times[step.Fault]++
				for other := range begun {
					o, _ := Find(other)
					require.True(t, independent(f, o), "%s while %s", step.Fault, other)
				}
				if f.End != nil {
					begun[step.Fault] = true
				}
			case doEnd:
				require.True(t, begun[step.Fault])
				delete(begun, step.Fault)
			case doRecover:
				require.Empty(t, begun)
			}
		}
		for _, f := range All() {
			require.Equal(t, 1, times[f.Name], f.Name)
		}
	}
}

// process is a bridge that notes what is done to it.
type process struct {
	Bridge
	did  []string
	fail error
}

func (p *process) Kill() error                 { p.did = append(p.did, "kill"); return nil }
func (p *process) Start(context.Context) error { p.did = append(p.did, "start"); return p.fail }
func (p *process) Freeze() error               { p.did = append(p.did, "freeze"); return nil }
func (p *process) Thaw() error                 { p.did = append(p.did, "thaw"); return nil }

func sceneOf(p *process) *Scene {
	timeline := NewTimeline()
	sent := int64(0)
	timeline.Sent = func() map[string]int64 { sent += 100; return map[string]int64{"core": sent} }
	timeline.Reach = func() map[string]model.Reach {
		return map[string]model.Reach{"kafka": {Floor: map[int]int64{0: 5}}}
	}
	timeline.Last = func(string) []int64 { return []int64{sent + 7} }
	return &Scene{Bridge: p, Timeline: timeline}
}

// An event lasts as long as its fault, and reaches until the sources are heard.
func TestEventsLastAsLongAsTheirFaults(t *testing.T) {
	p := &process{}
	s, err := Parse("+bridge.freeze ~1ms -bridge.freeze ! bridge.kill ! ")
	require.NoError(t, err)
	var told [][]string
	scene, heard := sceneOf(p), int64(150)
	require.NoError(t, s.Play(t.Context(), Stage{Scene: scene, Recover: func(_ context.Context, faults []string) error {
		told = append(told, faults)
		scene.Timeline.Heard(map[string]int64{"core": heard})
		heard += 100
		return nil
	}}))
	assert.Equal(t, []string{"freeze", "thaw", "kill", "start"}, p.did)
	assert.Equal(t, [][]string{{"bridge.freeze"}, {"bridge.kill"}}, told)
	events := scene.Timeline.Events()
	require.Len(t, events, 2)
	assert.Equal(t, model.BridgeFrozen, events[0].What)
	assert.Less(t, events[0].Begin, events[0].End)
	assert.LessOrEqual(t, events[0].End, events[1].Begin)
	assert.Less(t, events[1].End, time.Minute)
	assert.Equal(t, model.Span{Before: 100, Until: 150}, events[0].Spans["core"])
	assert.Equal(t, model.Span{Before: 200, Until: 250}, events[1].Spans["core"])
	assert.Equal(t, model.Reach{Floor: map[int]int64{0: 5}, Last: []int64{107}}, events[0].Reach["kafka"])
	assert.Equal(t, []int64{207}, events[1].Reach["kafka"].Last)
}

// What has begun is put right, whatever fails.
func TestWhatHasBegunEnds(t *testing.T) {
	p := &process{fail: errors.New("no such file")}
	s, err := Parse("+bridge.freeze bridge.kill -bridge.freeze")
	require.NoError(t, err)
	err = s.Play(t.Context(), Stage{Scene: sceneOf(p)})
	require.ErrorContains(t, err, "playing bridge.kill: no such file")
	assert.Equal(t, []string{"freeze", "kill", "start", "thaw"}, p.did)

	s, err = Parse("-bridge.freeze")
	require.NoError(t, err)
	require.ErrorContains(t, s.Play(t.Context(), Stage{Scene: sceneOf(p)}), "it has not begun")
	s, err = Parse("topic.trim")
	require.NoError(t, err)
	require.ErrorContains(t, s.Play(t.Context(), Stage{Scene: sceneOf(p)}), "topic.trim cannot happen: there is no topic")
}
