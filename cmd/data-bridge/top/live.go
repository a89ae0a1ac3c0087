package top

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// What the reader of events tells the model.
type (
	eventMsg  struct{ event event }
	brokenMsg struct{ err error } // for good
	lostMsg   struct {            // and tried again
		err   error
		again time.Time
	}
	tickMsg time.Time
)

// model is what is on the screen. It is changed by Update alone.
type model struct {
	client *client
	want   string // the stream that was asked for

	state  state
	width  int
	height int
	plain  bool
	config bool // show what is configured
	top    int  // the first line that is shown of what does not fit
	began  bool // there was an event
	lost   *lostMsg
	lostAt time.Time
	clock  time.Time // of this machine
	skew   time.Duration
	err    error
}

func (m *model) Init() tea.Cmd { return tick() }

func tick() tea.Cmd { return tea.Tick(time.Second, func(t time.Time) tea.Msg { return tickMsg(t) }) }

// Update implements tea.Model.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tickMsg:
		m.clock = time.Time(msg)
		return m, tick()
	case eventMsg:
		return m, m.take(msg.event)
	case lostMsg:
		if m.lost == nil {
			m.lostAt = time.Now()
		}
		m.lost = &msg
	case brokenMsg:
		m.err = msg.err
		return m, tea.Quit
	case tea.KeyPressMsg:
		return m, m.press(msg.String())
	}
	return m, nil
}

func (m *model) take(e event) tea.Cmd {
	err := m.state.take(e)
	if err == nil && !m.began {
		err = m.state.pick(m.want)
	}
	if err != nil {
		m.err = err
		return tea.Quit
	}
	m.began, m.lost, m.clock = true, nil, time.Now()
	m.skew = m.clock.Sub(m.state.time)
	return nil
}

func (m *model) press(key string) tea.Cmd {
	switch key {
	case "q", "ctrl+c", "esc":
		return tea.Quit
	case "tab", "right", "l", "n":
		m.state.turn(1)
		m.top = 0
	case "shift+tab", "left", "h", "p":
		m.state.turn(-1)
		m.top = 0
	case "c":
		m.config, m.top = !m.config, 0
	case "up", "k":
		m.top--
	case "down", "j":
		m.top++
	case "pgup":
		m.top -= m.height - 4
	case "pgdown", "space":
		m.top += m.height - 4
	case "home":
		m.top = 0
	}
	return nil
}

// View implements tea.Model.
func (m *model) View() tea.View {
	v := tea.NewView(strings.Join(m.screen(), "\n"))
	v.AltScreen = true
	v.WindowTitle = "data-bridge top"
	return v
}

// screen is as many lines as there are: those that do not fit are scrolled to.
func (m *model) screen() []string {
	v := view{width: max(1, m.width), plain: m.plain, now: m.clock.Add(-m.skew)}
	if !m.began {
		return v.fit([]string{"Connecting to " + m.client.options.Events.Host + " ..."})
	}
	head := append(v.head(&m.state), v.tabs(&m.state)...)
	if m.lost != nil {
		head = append(head, m.loss(v)...)
	}
	body := []string{"", "No stream is running"}
	if one := m.state.shown(); one != nil && m.config {
		body = v.configured(one)
	} else if one != nil {
		body = v.stream(one)
	}
	foot := m.foot(v)
	room := m.height - len(head) - len(foot)
	if m.height <= 0 || room < 1 {
		room = len(body)
	}
	m.top = max(0, min(m.top, len(body)-room))
	body = body[m.top:min(len(body), m.top+room)]
	return v.fit(append(append(head, body...), foot...))
}

// loss says that the bridge is away, and when it is tried again.
func (m *model) loss(v view) []string {
	gone := max(0, m.clock.Sub(m.lostAt))
	again := max(0, m.lost.again.Sub(m.clock))
	text := fmt.Sprintf("Lost the bridge at %s, %s ago: %v. Trying again in %s; what is below is from then.",
		clock(m.lostAt), age(gone.Seconds()), m.lost.err, age(again.Seconds()))
	lines := v.wrapped("", clean(text))
	for i := range lines {
		lines[i] = v.paint(bad, lines[i])
	}
	return lines
}

func (m *model) foot(v view) []string {
	words := []string{"q quit", "c configured", "up/down scroll"}
	if m.config {
		words[1] = "c figures"
	}
	if len(m.state.streams) > 1 {
		words = append(words, "tab next stream")
	}
	return []string{"", v.paint(quiet, strings.Join(words, " · "))}
}

// live shows the bridge until somebody ends it.
func live(ctx context.Context, client *client, o Options, out *os.File) error {
	ctx, cancel := context.WithCancel(ctx)
	m := &model{client: client, want: o.Stream, plain: os.Getenv("NO_COLOR") != "", clock: time.Now()}
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithOutput(out), tea.WithoutSignalHandler())
	done := make(chan struct{})
	go func() {
		defer close(done)
		follow(ctx, client, p.Send)
	}()
	_, err := p.Run()
	cancel()
	<-done
	switch {
	case m.err != nil:
		return m.err
	case errors.Is(err, tea.ErrProgramKilled) || errors.Is(err, context.Canceled): // by a signal
		return nil
	}
	return err
}

// follow reads the events and tells of them, and connects again whenever that ends: but
// for a first connection that fails, and what trying again does not change.
func follow(ctx context.Context, client *client, tell func(tea.Msg)) {
	var wait backOff
	began := false
	for {
		err := client.read(ctx, func(e event) error {
			began, wait = true, backOff{}
			tell(eventMsg{e})
			return nil
		})
		if ctx.Err() != nil {
			return
		}
		if !began || errors.Is(err, errRefused) {
			tell(brokenMsg{client.explain(err)})
			return
		}
		pause := wait.next(err)
		tell(lostMsg{err, time.Now().Add(pause)})
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}
