package topology

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// siteKey finds the site of a process among the resources that all streams share.
type siteKey struct{}

// site is where streams are built, and what is known of them: one for each manager of
// the host.
type site struct {
	mu        sync.Mutex
	resources map[string][]any // by the field that lists them
	streams   map[string]*building
}

func newSite() *site {
	return &site{resources: map[string][]any{}, streams: map[string]*building{}}
}

// building is a stream that is being built, or was.
type building struct {
	conf       map[string]any // what was seen of its configuration
	generation *Generation
	whole      bool // the output was seen, which is built last
}

// note takes down what a component is built from. The host builds the input, the
// buffer, the processors and then the output of a stream, each of them before what is
// within. When the output is reached everything is known, but for what comes later:
// templates that stand within it, and inputs that are added while the stream runs.
func (s *site) note(m manager, kind string, conf map[string]any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := m.Path()
	if strings.HasSuffix(path[0], "_resources") {
		if len(path) == 1 {
			s.addResource(path[0], m.Label(), conf)
		}
		return nil
	}
	b := s.streams[m.StreamID()]
	switch {
	case len(path) == 1 && kind == "Input":
		b = &building{conf: map[string]any{}, generation: &Generation{}}
		s.streams[m.StreamID()] = b
		m.SetGeneric(generationKey{m.StreamID()}, b.generation)
		if host, ok := m.(interface{ Strict() bool }); ok && host.Strict() {
			b.conf[errorHandling] = map[string]any{"strict": true}
		}
	case b == nil:
		return nil // built by itself, as for a test of processors
	}
	changed := b.put(path, conf)
	if len(path) == 1 && kind == "Output" {
		b.whole, changed = true, true
	}
	if !b.whole || !changed {
		return nil
	}
	return s.judge(b, m.StreamID())
}

// addResource puts a resource in the place of the one that had its label. What was
// listed before is not changed: topologies hold it.
func (s *site) addResource(field, label string, conf map[string]any) {
	conf = maps.Clone(conf)
	conf["label"] = label
	list := slices.Clone(s.resources[field])
	i := slices.IndexFunc(list, func(have any) bool { return have.(map[string]any)["label"] == label })
	if i < 0 {
		list = append(list, conf)
	} else {
		list[i] = conf
	}
	s.resources[field] = list
}

// Announce tells of resources that a configuration declares: the host builds one when
// it is first used, which is after the streams that name it.
func Announce(res *service.Resources, conf Config) error {
	v, _ := res.GetOrSetGeneric(siteKey{}, newSite())
	s := v.(*site)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, field := range resourceParts {
		list, err := plain(conf[field])
		if err != nil {
			return fmt.Errorf("reading %s: %w", field, err)
		}
		items, _ := list.([]any)
		for _, item := range items {
			if fields, ok := item.(map[string]any); ok {
				s.addResource(field, fmt.Sprint(fields["label"]), fields)
			}
		}
	}
	return nil
}

// judge gives the stream its topology, or returns the topology's faults.
func (s *site) judge(b *building, stream string) error {
	conf := Config{}
	for part, v := range b.conf {
		conf[part] = v
	}
	for field, list := range s.resources {
		conf[field] = list
	}
	t, err := New(conf, stream)
	if err == nil {
		err = t.Err()
	}
	if err != nil {
		return err
	}
	b.generation.topology.Store(t)
	return nil
}

// put replaces what stands at a path, and reports whether that changed anything. What
// was there is not changed itself: topologies hold it.
func (b *building) put(path []string, conf map[string]any) (changed bool) {
	v, changed := put(b.conf, path, conf)
	if changed {
		b.conf = v.(map[string]any)
	}
	return changed
}

// put returns a copy of v in which conf stands at the path. What is not there yet is
// made, such as an input that is new to a dynamic one; the host's paths are not
// always those of the configuration, and a field that its schema does not know is not
// looked at.
func put(v any, path []string, conf map[string]any) (any, bool) {
	if len(path) == 0 {
		return conf, !reflect.DeepEqual(v, any(conf))
	}
	switch v := v.(type) {
	case map[string]any:
		return putField(v, path, conf)
	case []any:
		return putItem(v, path, conf)
	}
	return v, false
}

func putField(fields map[string]any, path []string, conf map[string]any) (any, bool) {
	have, there := fields[path[0]]
	if !there && len(path) > 1 {
		have = emptyFor(path[1])
	}
	inner, changed := put(have, path[1:], conf)
	if !changed {
		return fields, false
	}
	copied := maps.Clone(fields)
	copied[path[0]] = inner
	return copied, true
}

// emptyFor is what a key may stand in.
func emptyFor(key string) any {
	if _, err := strconv.Atoi(key); err == nil {
		return []any{}
	}
	return map[string]any{}
}

func putItem(list []any, path []string, conf map[string]any) (any, bool) {
	i, err := strconv.Atoi(path[0])
	if err != nil || i < 0 || i > len(list) {
		return list, false
	}
	copied := slices.Clone(list)
	if i == len(list) {
		copied = append(copied, nil)
	}
	inner, changed := put(copied[i], path[1:], conf)
	copied[i] = inner
	return copied, changed
}
