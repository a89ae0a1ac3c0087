package inputtest

import (
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// Ability is something that a source can do, or cannot by its nature.
type Ability string

// What sources differ in.
const (
	// Keeps: what is published while nobody reads waits for a reader.
	Keeps Ability = "keeps"
	// Replays: what was not acknowledged comes again to the next reader.
	Replays Ability = "replays"
	// Redelivers: what was rejected comes again to the same reader.
	Redelivers Ability = "redelivers"
	// Renews: it can be deleted, and made anew under the same name.
	Renews Ability = "renews"
	// Locates: each record has a place that it is found at again.
	Locates Ability = "locates"
)

// Pausing is what an input makes of a pause whose source keeps nothing.
type Pausing string

// What there is.
const (
	// Discards: everything that comes is discarded, and counted as dropped.
	Discards Pausing = ""
	// Conflates: the last record of a key is kept, and is the first one that is handed
	// over. What it took the place of is counted as conflated. All records of a source
	// have one key.
	Conflates Pausing = "conflates"
	// Leaves: others get what is published, who count it if they lose it.
	Leaves Pausing = "leaves"
)

// Abilities are all there are.
func Abilities() []Ability { return []Ability{Keeps, Replays, Redelivers, Renews, Locates} }

// Row is an input in the suite.
type Row struct {
	// Kind is under which the input reports its figures.
	Kind status.Kind
	// Spec and New are what the plugin registers with the host.
	Spec *service.ConfigSpec
	New  service.BatchInputConstructor
	// Cannot names what the source cannot do, and why. The suite proves each.
	Cannot map[Ability]string
	// Pausing is what a pause costs where the source cannot keep what is published.
	Pausing Pausing
	// Start runs a server for checks of this row. It ends with t.
	Start func(t *testing.T) Server
	// Light says that a server costs next to nothing: each check that would disturb
	// others gets one of its own.
	Light bool
}

// Server is a running server. The methods of it and of its sources are called by
// one check at a time, unless they say otherwise. They fail the test that they
// are given when something does not work.
type Server interface {
	// Source makes a new source, without records. It may be called by several
	// checks at once, as may Config, Publish, Ready, Settled and Quiet of different sources.
	Source(t *testing.T) Source
	// Link is what inputs reach the server through.
	Link() Link
	// Stop ends the server; its data stays. Start returns when it serves again.
	Stop(t *testing.T)
	Start(t *testing.T)
}

// Source is a topic, a stream, a subject: one ordered sequence of records.
type Source interface {
	// Config is the YAML of an input that reads from the beginning, in batches of
	// ten at most that do not wait to fill. Readers of one name take each other's
	// place, or share; those of different names get everything each.
	Config(reader string) string
	// Publish adds records and returns when the server has them.
	Publish(t *testing.T, records [][]byte)
	// Ready reports whether the server knows the reader, so that it gets what is
	// published from now on. One that is paused, and leaves, is not asked about.
	Ready(reader string) bool
	// Settled reports whether the server knows that everything was acknowledged by
	// that reader, so that nothing of it comes again whatever happens.
	Settled(t *testing.T, reader string) bool
	// Quiet reports whether the server has no open request of that reader, so
	// that one that is paused can get nothing any more, or takes part in what it costs.
	Quiet(t *testing.T, reader string) bool
	// Revoke takes from readers the right to read, and Grant gives it back.
	Revoke(t *testing.T)
	Grant(t *testing.T)
	// Remake deletes the source and makes it anew. It is called only where the
	// source can.
	Remake(t *testing.T)
}

// Link is a connection that can be spoilt.
type Link interface {
	// Downlink limits what the server sends to so many bytes a second.
	Downlink(bytesPerSecond int64) error
	// Timeout swallows what the server sends until Clear, with 0 for ever.
	Timeout(d time.Duration) error
	// Clear takes both away.
	Clear()
	// Down breaks all connections and lets none through, until Up.
	Down()
	Up() error
}
