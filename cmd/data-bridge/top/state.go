package top

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// update is the data of an event, as GET /events documents it, as far as it is shown.
type update struct {
	Time    time.Time `json:"time"`
	Started time.Time `json:"started"`
	Host    string    `json:"host"`
	Version string    `json:"version"`
	Streams []struct {
		ID        string     `json:"id"`
		Verdict   verdict    `json:"verdict"`
		Health    health     `json:"health"`
		Rates     rates      `json:"rates"`
		Samples   samples    `json:"samples"`
		Pauses    pauses     `json:"pauses"`
		Incidents []incident `json:"incidents"`
		Config    []struct {
			Component string `json:"component"`
			Settings  []struct {
				Name  string `json:"name"`
				Value any    `json:"value"`
			} `json:"settings"`
		} `json:"config"`
	} `json:"streams"`
}

type health struct {
	Metrics struct {
		Backpressure struct {
			Active   bool     `json:"active"`
			Level    int64    `json:"current_buffer"`
			Max      int64    `json:"max_buffer_size"`
			Pause    int64    `json:"pause_threshold"`
			Yield    int64    `json:"yield_threshold"`
			Resume   int64    `json:"resume_threshold"`
			Bytes    int64    `json:"current_bytes"`
			MaxBytes int64    `json:"max_bytes"`
			Oldest   *float64 `json:"oldest_seconds"`
		} `json:"backpressure"`
	} `json:"metrics"`
	Inputs  map[string]input  `json:"inputs"`
	Outputs map[string]output `json:"outputs"`
	Alerts  *struct {
		Sent    int64 `json:"sent"`
		Lost    int64 `json:"lost"`
		Waiting int64 `json:"waiting"`
	} `json:"alerts"`
	// LostAtStop is that of the whole process.
	LostAtStop int64 `json:"lost_at_stop"`
}

type input struct {
	Kind      string `json:"kind"`
	Connected bool   `json:"connected"`
	Paused    bool   `json:"paused"`
	PausedBy  []struct {
		Reason string `json:"reason"`
	} `json:"paused_by"`
	Yielding  bool   `json:"yielding"`
	Received  int64  `json:"received"`
	Accepted  int64  `json:"accepted"`
	Dropped   int64  `json:"dropped"`
	Conflated int64  `json:"conflated"`
	Slow      int64  `json:"slow_consumer"`
	Lost      int64  `json:"records_lost"`
	AtStop    int64  `json:"lost_at_stop"`
	Buffered  int64  `json:"buffered"`
	Lag       *int64 `json:"lag"`
	// Partitions and Group are those of an input that shares its source with others.
	Partitions *int64 `json:"partitions"`
	Group      string `json:"group"`
}

type output struct {
	Connected bool `json:"connected"`
	table
	LettersWaiting int64            `json:"dead_letters_waiting"`
	Parked         int64            `json:"parked_rows"`
	Tables         map[string]table `json:"tables"`
}

type table struct {
	Rows            int64    `json:"rows"`
	Inserts         int64    `json:"batches"`
	Retries         int64    `json:"retries"`
	RetryQueue      int64    `json:"retry_queue_size"`
	RetryRows       int64    `json:"retry_rows"`
	RetryOldest     *float64 `json:"retry_oldest_seconds"`
	RetryAttempts   int64    `json:"retry_attempts"`
	Held            int64    `json:"held_rows"`
	DeadLetters     int64    `json:"dead_letters"`
	ProcessorErrors int64    `json:"processor_errors"`
	Insert          *float64 `json:"insert_seconds"`
	InsertOldest    *float64 `json:"insert_oldest_seconds"`
}

type rates struct {
	Inputs map[string]struct {
		Received float64 `json:"received"`
	} `json:"inputs"`
	Outputs map[string]struct {
		Rows   float64            `json:"rows"`
		Tables map[string]float64 `json:"tables"`
	} `json:"outputs"`
}

type samples struct {
	Level []int64 `json:"level"`
}

type pauses struct {
	Total struct {
		Count  int64   `json:"count"`
		Paused float64 `json:"paused_seconds"`
	} `json:"total"`
}

type incident struct {
	Key       int64     `json:"key"`
	Component string    `json:"component"`
	Table     string    `json:"table"`
	Column    string    `json:"column"`
	Class     string    `json:"class"`
	Message   string    `json:"message"`
	Count     int64     `json:"count"`
	Last      time.Time `json:"last"`
}

const (
	mostSamples   = 400 // of the level, which no terminal is wider than
	mostIncidents = 20
)

// state is what is known of a bridge. It is not safe for concurrent use.
type state struct {
	time, started time.Time // by the clock of the bridge
	host, version string
	streams       []*stream // in the order of the bridge
	picked        string    // id of the stream that is shown, where there is one
}

// stream is what is known of one stream.
type stream struct {
	id        string
	verdict   verdict
	health    health
	rates     rates
	pauses    pauses
	levels    []int64
	incidents []incident // the last one first
	config    []component
}

type component struct {
	name  string
	pairs [][2]string
}

// take adds what an event tells.
func (s *state) take(e event) error {
	var u update
	if err := json.Unmarshal(e.data, &u); err != nil {
		return fmt.Errorf("what it sends is not understood: %w", err)
	}
	before := map[string]*stream{}
	if e.name != "begin" {
		for _, one := range s.streams {
			before[one.id] = one
		}
	}
	s.time, s.started, s.host, s.version, s.streams = u.Time, u.Started, u.Host, u.Version, nil
	for i := range u.Streams {
		one := before[u.Streams[i].ID]
		if one == nil {
			one = &stream{id: u.Streams[i].ID}
		}
		one.take(&u, i)
		s.streams = append(s.streams, one)
	}
	return nil
}

func (one *stream) take(u *update, i int) {
	of := &u.Streams[i]
	one.verdict, one.health, one.rates, one.pauses = of.Verdict, of.Health, of.Rates, of.Pauses
	if one.verdict.State == "" {
		one.verdict = untold
	}
	one.levels = append(one.levels, of.Samples.Level...)
	one.levels = one.levels[max(0, len(one.levels)-mostSamples):]
	for _, more := range of.Incidents {
		one.incidents = slices.DeleteFunc(one.incidents, func(old incident) bool { return old.Key == more.Key })
		one.incidents = slices.Insert(one.incidents, 0, more)
	}
	one.incidents = one.incidents[:min(len(one.incidents), mostIncidents)]
	if of.Config == nil {
		return
	}
	one.config = nil
	for _, c := range of.Config {
		known := component{name: c.Component}
		for _, s := range c.Settings {
			known.pairs = append(known.pairs, [2]string{s.Name, wordOf(s.Value)})
		}
		one.config = append(one.config, known)
	}
}

// wordOf writes a value of a configuration.
func wordOf(value any) string {
	switch v := value.(type) {
	case []any:
		words := make([]string, len(v))
		for i := range v {
			words[i] = wordOf(v[i])
		}
		return strings.Join(words, ", ")
	case float64:
		if v == float64(int64(v)) {
			return count(int64(v))
		}
	}
	return fmt.Sprint(value)
}

// pick chooses the stream to show; "" is the first.
func (s *state) pick(id string) error {
	if id != "" && !slices.ContainsFunc(s.streams, func(one *stream) bool { return one.id == id }) {
		var ids []string
		for _, one := range s.streams {
			ids = append(ids, one.name())
		}
		return fmt.Errorf("--stream (%s) does not run there; what does: %s", clean(id), clean(strings.Join(ids, ", ")))
	}
	s.picked = id
	return nil
}

// shown is the stream that was picked, else the first; nil when none runs.
func (s *state) shown() *stream {
	for _, one := range s.streams {
		if one.id == s.picked {
			return one
		}
	}
	if len(s.streams) == 0 {
		return nil
	}
	return s.streams[0]
}

// turn picks the stream that is so many places further on.
func (s *state) turn(by int) {
	if n := len(s.streams); n > 0 {
		at := slices.Index(s.streams, s.shown())
		s.picked = s.streams[(at+by+n)%n].id
	}
}

func (one *stream) name() string {
	if one.id == "" {
		return "(main)"
	}
	return one.id
}

// label is how an input or an output is called within its stream.
func (one *stream) label(name string) string {
	if one.id == "" {
		return name
	}
	return strings.TrimPrefix(name, one.id+".")
}

// total sums up a figure of all outputs.
func (one *stream) total(figure func(output) int64) (n int64) {
	for _, o := range one.health.Outputs {
		n += figure(o)
	}
	return n
}

func (one *stream) received() (n float64) {
	for _, r := range one.rates.Inputs {
		n += r.Received
	}
	return n
}

func (one *stream) stored() (n float64) {
	for _, r := range one.rates.Outputs {
		n += r.Rows
	}
	return n
}

func (in input) discarded() int64 { return in.Dropped + in.Conflated + in.Slow }

// sorted are the names of a map in their order.
func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
