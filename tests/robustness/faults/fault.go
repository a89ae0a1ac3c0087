package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that goes wrong.
type Fault struct {
	// Name is what it hits and how, as in clickhouse.stall.
	Name string
	// Cannot is why it cannot happen on a scene; empty where it can.
	Cannot func(s *Scene) string
	Begin  func(ctx context.Context, s *Scene) error
	// End puts things right again. A single act has none.
	End func(ctx context.Context, s *Scene) error
	// Brief is a fault that must not last: connections would be given up, or sessions.
	Brief bool
}

// Target is what the fault hits. Two faults of one target do not overlap.
func (f Fault) Target() string {
	target, _, _ := strings.Cut(f.Name, ".")
	return target
}

// All are the faults that there are, by target and name.
func All() []Fault {
	return slices.Concat(bridgeFaults, houseFaults, linkFaults, wireFaults, natsFaults, kafkaFaults, topicFaults, streamFaults, tableFaults, operatorFaults, letterFaults)
}

// Possible are those that can happen on a scene.
func Possible(s *Scene) (faults []Fault) {
	for _, f := range All() {
		if f.Cannot == nil || f.Cannot(s) == "" {
			faults = append(faults, f)
		}
	}
	return faults
}

// Find is the fault of a name.
func Find(name string) (Fault, error) {
	for _, f := range All() {
		if f.Name == name {
			return f, nil
		}
	}
	return Fault{}, fmt.Errorf("finding a fault: there is no %q", name)
}

// needs is why a fault that needs something cannot happen.
func needs(what string, there func(s *Scene) bool) func(s *Scene) string {
	return func(s *Scene) string {
		if there(s) {
			return ""
		}
		return "there is no " + what
	}
}
