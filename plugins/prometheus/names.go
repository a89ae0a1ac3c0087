package prometheus

import (
	"slices"
	"strings"
)

// find returns what the catalogue says of a metric of a component, or what can be
// made of its name alone.
func find(host string, kind Kind, buckets []float64) Series {
	i := slices.IndexFunc(catalogue, func(s Series) bool { return s.Host == host && s.Kind == kind })
	if i < 0 {
		return unknown(host, kind, buckets)
	}
	s := catalogue[i]
	if s.Kind == KindHistogram && s.Buckets == nil {
		s.Buckets = buckets
	}
	return s
}

var catalogue = Catalogue()

// unknown gives a name by Prometheus' conventions to a metric that is not in the
// catalogue. Timers are in nanoseconds, as the host wants them.
func unknown(host string, kind Kind, buckets []float64) Series {
	s := Series{Host: host, Name: clean(host), Kind: kind, Help: "The metric " + host + " of a component."}
	switch kind {
	case KindCounter:
		s.Name = strings.TrimSuffix(s.Name, "_total")
	case KindHistogram:
		s.Name = strings.TrimSuffix(strings.TrimSuffix(s.Name, "_ns"), "_seconds") + "_seconds"
		s.Scale = nanoseconds
		s.Buckets = buckets
	case KindGauge:
	}
	return s
}

// clean makes a text what a name or a label's name may be.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, text)
	return strings.Trim(text, "_")
}

// labelSet is the labels of a metric in an order of our own, so that those of two
// components which name them in another order are the same.
type labelSet struct {
	names []string
	from  []int // where the value of each is among those that are given
	given int
}

// labelsOf orders names and leaves those out that are not the first of theirs.
func labelsOf(given []string) labelSet {
	l := labelSet{given: len(given)}
	at := map[string]int{}
	for i, name := range given {
		if name = clean(name); name == "" {
			continue
		}
		if name[0] >= '0' && name[0] <= '9' {
			name = "label_" + name
		}
		if _, taken := at[name]; !taken {
			at[name] = i
			l.names = append(l.names, name)
		}
	}
	slices.Sort(l.names)
	for _, name := range l.names {
		l.from = append(l.from, at[name])
	}
	return l
}

// values orders the values that are given for the names; too few are filled up.
func (l labelSet) values(given []string) []string {
	out := make([]string, len(l.from))
	for i, from := range l.from {
		if from < len(given) {
			out[i] = strings.ToValidUTF8(given[from], "\uFFFD")
		}
	}
	return out
}

func (l labelSet) key() string { return strings.Join(l.names, ",") }
