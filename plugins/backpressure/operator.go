package backpressure

import (
	"slices"
	"strings"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// operator lets a person pause and resume the inputs of the buffer's stream.
type operator struct {
	*buffer
	remote string // where the request came from
}

var _ status.Operator = operator{}

// By implements status.Operator.
func (o operator) By(remote string) status.Operator { return operator{o.buffer, remote} }

// refusedEvery bounds how often refused requests are logged: anybody can send them.
const refusedEvery = 5 * time.Second

// Refused implements status.Operator.
func (o operator) Refused(path, why string) {
	if repeats, tell := o.refusals.Tell(refusedEvery); tell {
		o.log.With("remote", o.remote, "path", path, "repeats", repeats).Warnf("Refused to operate this stream: %s", why)
	}
}

// PauseInput implements status.Operator.
func (o operator) PauseInput(label string) bool {
	o.log.With("input", label, "remote", o.remote).Info("An operator pauses an input")
	defer o.publishHolds()
	return o.gate.HoldInput(label)
}

// ResumeInput implements status.Operator.
func (o operator) ResumeInput(label string) {
	o.log.With("input", label, "remote", o.remote).Info("An operator resumes an input")
	defer o.publishHolds()
	o.gate.ReleaseInput(label)
}

// PauseInputs implements status.Operator.
func (o operator) PauseInputs() bool {
	o.log.With("remote", o.remote).Info("An operator pauses all inputs")
	defer o.publishHolds()
	return o.gate.HoldInputs()
}

// ResumeInputs implements status.Operator.
func (o operator) ResumeInputs() {
	o.log.With("remote", o.remote).Info("An operator resumes all inputs")
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
