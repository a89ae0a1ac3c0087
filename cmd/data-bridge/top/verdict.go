package top

import (
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// tone is what a figure or a state means: it is a colour where there are colours.
type tone int

const (
	plain tone = iota
	quiet
	good
	warning
	bad
	strong
)

// verdict is what the figures of a stream mean, as the bridge says it.
type verdict struct {
	State string     `json:"state"`
	Title string     `json:"title"`
	Since *time.Time `json:"since"`
	Why   []string   `json:"why"`
}

// untold is said of a bridge that says nothing.
var untold = verdict{State: "unknown", Title: "Its state is not told: the bridge is older than this program"}

func (v verdict) tone() tone {
	switch v.State {
	case status.StateHealthy:
		return good
	case status.StatePaused:
		return warning
	case status.StateUnhealthy:
		return bad
	}
	return plain
}
