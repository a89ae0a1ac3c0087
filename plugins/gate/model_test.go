package gate_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// The gate against its definition, over random walks of both levels: it closes
// when either is above its pause threshold and opens when both are below their
// resume thresholds.
func TestGateFollowsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := gate.Limits{Max: 60, Pause: rapid.IntRange(2, 60).Draw(t, "pause")}
		limits.Resume = rapid.IntRange(1, limits.Pause-1).Draw(t, "resume")
		if rapid.Bool().Draw(t, "bytes") {
			limits = limits.WithBytes(rapid.Int64Range(60, 6000).Draw(t, "max"))
		}
		g, j := gate.New(), &journal{}
		c := attach(g, limits, true, j)
		closed := false
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			v := gate.Level{Records: rapid.IntRange(0, 60).Draw(t, "records"), Bytes: rapid.Int64Range(0, 6000).Draw(t, "weight")}
			c.Observe(v)
			heavy := limits.Bytes.Max > 0 && v.Bytes > limits.Bytes.Pause
			light := limits.Bytes.Max == 0 || v.Bytes < limits.Bytes.Resume
			switch {
			case v.Records > limits.Pause || heavy:
				closed = true
			case v.Records < limits.Resume && light:
				closed = false
			}
			if g.Paused() != closed {
				t.Fatalf("paused=%t at %+v of %+v", g.Paused(), v, limits)
			}
		}
	})
}

// twin is an input of the model: what it was told must alternate.
type twin struct {
	t       *rapid.T
	label   string
	paused  bool
	drained bool
	member  *gate.Member
}

func (in *twin) Pause()  { in.told(true) }
func (in *twin) Resume() { in.told(false) }
func (in *twin) Drain()  { in.drained = true }

func (in *twin) told(pause bool) {
	if in.drained || in.paused == pause {
		in.t.Fatalf("input %q is told pause=%t: it was told that last, or has been drained (%t)", in.label, pause, in.drained)
	}
	in.paused = pause
}

// Random holds of the whole gate, of single inputs and of all of them, while
// inputs come and go: each input is paused when the gate is closed or somebody
// holds its label, is told of changes only, and finds its label as it left it.
func TestHoldsFollowTheirDefinition(t *testing.T) {
	labels := []string{"a", "b", "c", ""}
	rapid.Check(t, func(t *rapid.T) {
		g, j := gate.New(), &journal{}
		c := attach(g, gate.Limits{Max: 10, Pause: 8, Resume: 3}, true, j)
		var joined []*twin
		held, known, all, closed, reason, draining := map[string]bool{}, map[string]bool{}, false, false, false, false
		anonymous := map[*twin]bool{} // those without a label that are held
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			label := rapid.SampledFrom(labels).Draw(t, "label")
			switch action := rapid.IntRange(0, 39).Draw(t, "action"); {
			case action < 8:
				in := &twin{t: t, label: label}
				in.member = g.JoinAs(label, in)
				joined = append(joined, in)
				if anonymous[in] = all; label != "" && !known[label] {
					known[label], held[label] = true, all
				}
			case action < 12 && len(joined) > 0:
				i := rapid.IntRange(0, len(joined)-1).Draw(t, "who")
				joined[i].member.Leave()
				joined = append(joined[:i], joined[i+1:]...)
			case action < 18 && label != "":
				g.HoldInput(label)
				if !draining {
					known[label], held[label] = true, true
				}
			case action < 24 && label != "":
				g.ReleaseInput(label)
				known[label], held[label] = true, false
			case action < 26:
				g.HoldInputs()
				for l := range known {
					held[l] = !draining || held[l]
				}
				for _, in := range joined {
					anonymous[in] = !draining || anonymous[in]
				}
				all = all || !draining
			case action < 28:
				g.ReleaseInputs()
				clear(held)
				clear(anonymous)
				all = false
			case action < 38:
				level := rapid.IntRange(0, 10).Draw(t, "level")
				c.Observe(gate.Level{Records: level})
				closed = level > 8 || (closed && level >= 3)
			case action == 38 && rapid.Bool().Draw(t, "hold"):
				g.Hold(gate.ReasonOperator)
				reason = reason || !draining
			case action == 38:
				g.Release(gate.ReasonOperator)
				reason = false
			case rapid.IntRange(0, 5).Draw(t, "drain") == 0:
				g.Drain()
				draining, reason, all = true, false, false
				clear(held)
				clear(anonymous)
			}
			for _, in := range joined {
				want := !draining && (closed || reason || held[in.label] || (in.label == "" && anonymous[in]))
				if in.paused != want || in.drained != draining {
					t.Fatalf("%s: paused %t, drained %t", fmt.Sprintf("input %q, closed %t, reason %t, held %v, draining %t", in.label, closed, reason, held, draining), in.paused, in.drained)
				}
			}
		}
	})
}
