package status

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Setting is one field of a configuration, by its name there, and its value: a bool, a
// number, a text, or a list of texts.
type Setting struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// Configured is what a component was configured with, as far as people are to see it.
type Configured struct {
	// Component is named as in Incident, that of the buffer is "buffer".
	Component string    `json:"component"`
	Settings  []Setting `json:"settings"`
}

// settings are what the components of a stream were configured with. The zero value is
// nothing; it is safe for concurrent use.
type settings struct {
	mu      sync.Mutex
	list    []Configured // inputs, the buffer, outputs, each by label
	version int          // grows with every change
}

func (s *settings) set(component string, list []Setting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.list = slices.DeleteFunc(s.list, func(c Configured) bool { return c.Component == component })
	s.list = append(s.list, Configured{component, list})
	slices.SortFunc(s.list, func(a, b Configured) int {
		return cmp.Or(rank(a.Component)-rank(b.Component), strings.Compare(a.Component, b.Component))
	})
}

func rank(component string) int {
	kind, _, _ := strings.Cut(component, " ")
	return slices.Index([]string{"input", "buffer", "output"}, kind)
}

// since returns all of it, and its version, where it has changed after the given one.
func (s *settings) since(version int) ([]Configured, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version == version {
		return nil, version
	}
	return slices.Clone(s.list), s.version
}

// Configure says what the buffer was configured with: nothing that is secret, and no
// address, which may hold a password. Saying it again replaces it.
func (b *Board) Configure(list []Setting) { b.settings.set("buffer", list) }

// Configure says what the input was configured with, as Board.Configure does.
func (in *Input) Configure(list []Setting) {
	if in.settings != nil {
		in.settings.set("input "+in.Label, list)
	}
}

// Configure says what the output was configured with, as Board.Configure does.
func (o *Output) Configure(list []Setting) {
	if o.settings != nil {
		o.settings.set("output "+o.Label, list)
	}
}

// Span writes a duration as a configuration does: 1m0s is 1m.
func Span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
