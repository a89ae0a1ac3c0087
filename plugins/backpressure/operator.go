package backpressure

import (
	"slices"
	"strings"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// operator lets a person pause and resume the inputs of the buffer's stream.
type operator struct{ *buffer }

var _ status.Operator = operator{}

// PauseInput implements status.Operator.
func (o operator) PauseInput(label string) bool {
	o.log.With("input", label).Info("An operator pauses an input")
	defer o.publishHolds()
	return o.gate.HoldInput(label)
}

// ResumeInput implements status.Operator.
func (o operator) ResumeInput(label string) {
	o.log.With("input", label).Info("An operator resumes an input")
	defer o.publishHolds()
	o.gate.ReleaseInput(label)
}

// PauseInputs implements status.Operator.
func (o operator) PauseInputs() bool {
	o.log.Info("An operator pauses all inputs")
	defer o.publishHolds()
	return o.gate.HoldInputs()
}

// ResumeInputs implements status.Operator.
func (o operator) ResumeInputs() {
	o.log.Info("An operator resumes all inputs")
	defer o.publishHolds()
	o.gate.ReleaseInputs()
}

// publishHolds sets the gauge of every input.
func (b *buffer) publishHolds() {
	held := b.gate.State().Held
	for _, in := range b.board.Inputs() {
		_, holds := held[in.Label]
		b.metrics.held.Set(status.Flag(holds), in.Label)
	}
}

// yieldingLabels names the inputs that wait for room, for the heartbeat.
func (b *buffer) yieldingLabels() string {
	var labels []string
	for _, in := range b.board.Inputs() {
		if in.Yielding() {
			labels = append(labels, in.Label)
		}
	}
	slices.Sort(labels)
	return strings.Join(labels, ",")
}

// heldLabels names the inputs that an operator holds, for the heartbeat.
func (b *buffer) heldLabels() string {
	var labels []string
	for label := range b.gate.State().Held {
		labels = append(labels, label)
	}
	slices.Sort(labels)
	return strings.Join(labels, ",")
}
