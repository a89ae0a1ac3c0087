package status

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// tickPeriod is the time between two readings of the counters, and between
	// two events to each client.
	tickPeriod = time.Second
	// mostClients bounds how many read the events of a listener at a time: a further
	// one takes the place of the one that came first.
	mostClients = 32
	// clientPatience is how long a client may take over one event before it is
	// dropped.
	clientPatience = 5 * time.Second
)

// Update is the data of one event of GET /events.
type Update struct {
	// Time is the server's own, Started when the process began to count.
	Time    Time `json:"time"`
	Started Time `json:"started"`
	// Host is the name of the machine, Version that of the program.
	Host    string `json:"host"`
	Version string `json:"version"`
	// Streams are those of the listener, in the order they came.
	Streams []StreamUpdate `json:"streams"`
}

// StreamUpdate is what an event says of one stream. The first event of a
// connection has all samples, pauses and incidents that are remembered, those
// that follow have what is new or has changed.
type StreamUpdate struct {
	ID string `json:"id"`
	// Verdict is what the rest means, in words.
	Verdict   Verdict    `json:"verdict"`
	Health    Health     `json:"health"`
	Gate      GateUpdate `json:"gate"`
	Rates     Rates      `json:"rates"`
	Samples   Samples    `json:"samples"`
	Pauses    pausesBody `json:"pauses"`
	Incidents []Incident `json:"incidents"`
	// Config is what the components were configured with; absent where it is what the
	// connection has told already.
	Config []Configured `json:"config,omitempty"`
}

// GateUpdate is what Health does not say of the gate.
type GateUpdate struct {
	PausingOff        bool  `json:"pausing_off"`
	PauseBytes        int64 `json:"pause_bytes"`
	ResumeBytes       int64 `json:"resume_bytes"`
	YieldBytes        int64 `json:"yield_bytes"`
	AlertAfterSeconds Age   `json:"alert_after_seconds"`
	AdminEnabled      bool  `json:"admin_enabled"`
	AdminRemote       bool  `json:"admin_remote"`
}

// cursor is how much of a board a client has seen.
type cursor struct {
	samples   int
	incidents int64
	config    int
	pauses    time.Time // of its last look
}

// stillChanging is how long after its end a pause is told of: drops may be
// attributed to it later.
const stillChanging = 2 * lateDrops

// update says what a board has to tell beyond the cursor, and moves it on. The process
// began to count at started.
func (b *Board) update(seen *cursor, started time.Time) StreamUpdate {
	f := b.Figures()
	admin := b.adminRights()
	u := StreamUpdate{
		ID:     f.Stream,
		Health: b.Health(),
		Gate: GateUpdate{
			PausingOff:        f.Buffer.PausingOff,
			PauseBytes:        f.Buffer.PauseBytes,
			ResumeBytes:       f.Buffer.ResumeBytes,
			YieldBytes:        f.Buffer.YieldBytes,
			AlertAfterSeconds: Age(f.Buffer.AlertAfter),
			AdminEnabled:      admin.Enabled,
			AdminRemote:       admin.AllowRemote,
		},
		Pauses:    pausesOf(b),
		Incidents: b.incidents.since(seen.incidents),
	}
	u.Pauses.Pauses = slices.DeleteFunc(u.Pauses.Pauses, func(p pauseBody) bool {
		return p.End != nil && time.Time(*p.End).Add(stillChanging).Before(seen.pauses)
	})
	seen.pauses = time.Now()
	u.Config, seen.config = b.settings.since(seen.config)
	u.Samples, seen.samples, u.Rates = b.history.since(seen.samples)
	if n := len(u.Incidents); n > 0 {
		seen.incidents = u.Incidents[n-1].ID
	}
	u.Verdict = b.verdict(u, started)
	return u
}

// pulse is the one goroutine of a listener that reads the counters of its
// boards once a second, and the clients that are told of it. Nothing else of
// the page costs anything while nobody looks.
type pulse struct {
	quit chan struct{} // closed at the end

	mu      sync.Mutex
	tick    chan struct{} // closed and replaced at every reading
	clients []*client     // the first that came first
	closed  bool
	work    sync.WaitGroup
}

// client is one reader of events.
type client struct{ out chan struct{} } // out is closed when it has to go

func newPulse(boards func() []*Board) *pulse {
	p := &pulse{quit: make(chan struct{}), tick: make(chan struct{})}
	p.work.Go(func() { p.run(boards) })
	return p
}

func (p *pulse) run(boards func() []*Board) {
	t := time.NewTicker(tickPeriod)
	defer t.Stop()
	for {
		now := time.Now()
		for _, b := range boards() {
			b.history.observe(b.Figures(), now)
		}
		p.mu.Lock()
		close(p.tick)
		p.tick = make(chan struct{})
		p.mu.Unlock()
		select {
		case <-t.C:
		case <-p.quit:
			return
		}
	}
}

// next is closed at the next reading.
func (p *pulse) next() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tick
}

// admit lets one more client in, in the place of the oldest where there is no room;
// nil at the end.
func (p *pulse) admit() *client {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	if len(p.clients) == mostClients {
		close(p.clients[0].out)
		p.clients = slices.Delete(p.clients, 0, 1)
	}
	c := &client{out: make(chan struct{})}
	p.clients = append(p.clients, c)
	p.work.Add(1)
	return c
}

func (p *pulse) leave(c *client) {
	p.mu.Lock()
	if i := slices.Index(p.clients, c); i >= 0 {
		p.clients = slices.Delete(p.clients, i, i+1)
	}
	p.mu.Unlock()
	p.work.Done()
}

// close sends everybody away; wait waits until they and the goroutine have
// gone.
func (p *pulse) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	close(p.quit)
}

func (p *pulse) wait() { p.work.Wait() }

// events answers GET /events with server-sent events, one a second: "begin",
// with everything that is remembered, then "update". It ends when the client
// goes, when the client is too slow, when the listener closes, or, with "full", when
// others came and there is no room.
func (s *Servers) events(w http.ResponseWriter, r *http.Request, srv *server) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy in between must not collect events
	if r.Method == http.MethodHead {
		return
	}
	c := srv.pulse.admit()
	if c == nil {
		return
	}
	defer srv.pulse.leave(c)
	seen := map[*Board]*cursor{}
	for name := "begin"; ; name = "update" {
		tick := srv.pulse.next()
		if s.send(w, name, s.updateOf(srv, seen)) != nil {
			return
		}
		select {
		case <-tick:
		case <-c.out:
			_ = write(w, "event: full\nretry: 30000\ndata: {}\n\n")
			return
		case <-r.Context().Done():
			return
		case <-srv.pulse.quit:
			return
		}
	}
}

// updateOf tells of all boards of the listener. A board that is new to the
// client is told of from its beginning.
func (s *Servers) updateOf(srv *server, seen map[*Board]*cursor) Update {
	u := Update{Time: Time(time.Now()), Started: Time(s.started), Host: s.host, Version: s.versionOf(), Streams: []StreamUpdate{}}
	for _, b := range s.boardsOf(srv) {
		if seen[b] == nil {
			seen[b] = &cursor{}
		}
		u.Streams = append(u.Streams, b.update(seen[b], s.started))
	}
	return u
}

func (s *Servers) send(w http.ResponseWriter, name string, u Update) error {
	data, err := json.Marshal(u)
	if err != nil {
		return err
	}
	return write(w, fmt.Sprintf("event: %s\nretry: 1000\ndata: %s\n\n", name, data))
}

func write(w http.ResponseWriter, event string) error {
	c := http.NewResponseController(w)
	if err := c.SetWriteDeadline(time.Now().Add(clientPatience)); err != nil {
		return err
	}
	if _, err := io.WriteString(w, event); err != nil {
		return err
	}
	return c.Flush()
}
