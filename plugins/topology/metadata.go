package topology

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// askedFor are the metadata keys that our inputs set only if record_metadata names
// them, by input.
var askedFor = map[string][]string{
	"pausable_kafka":          {"kafka_offset", "kafka_key", "kafka_timestamp_ms", "kafka_timestamp_unix"},
	"pausable_nats":           {"nats_reply_subject"},
	"pausable_nats_jetstream": {"nats_sequence_stream", "nats_sequence_consumer", "nats_num_delivered", "nats_num_pending", "nats_timestamp_unix_nano"},
}

// notAsked says what is wrong with whoever reads such a key.
const notAsked = "reads the metadata %q, which no message has: add it to record_metadata of %s, which sets it only then%s"

// metadataGiven finds expressions that read metadata which no input of the stream was
// asked for, so that there is none for any record. What may be there by another way, or
// is meant to be missing, is no fault.
func metadataGiven(t *tree) (faults []Fault) {
	inputs, known := t.leaves()
	if !known {
		return nil
	}
	g := &givers{tree: t, inputs: inputs}
	for _, in := range inputs {
		g.processors(in.own())
	}
	t.within(t.input, func(n *node, _ []*node) {
		if !pausable[n.name] {
			g.processors(n.own())
		}
	})
	g.processors(t.pipeline)
	t.within(t.output, func(n *node, _ []*node) {
		g.processors(n.own())
		if n.name == clickhouse {
			g.output(n)
		}
	})
	return g.faults
}

// leaves are the inputs that no other one stands for; known is false if there may be
// others than ours, which set what they like.
func (t *tree) leaves() (inputs []*node, known bool) {
	known = true
	t.within(t.input, func(n *node, _ []*node) {
		switch {
		case pausable[n.name]:
			inputs = append(inputs, n)
		case !passers[n.name] || n.name == "dynamic" || len(t.children(n)) == 0:
			known = false
		}
	})
	return inputs, known && len(inputs) > 0
}

// givers follows metadata through a stream.
type givers struct {
	tree   *tree
	inputs []*node
	set    []string // texts of processors that may set metadata
	opaque bool     // a processor was passed that may set any
	faults []Fault
}

// readers are processors of which it is known what they do with metadata.
var readers = map[string]bool{"mapping": true, "mutation": true, "bloblang": true}

// bystanders are processors that set no metadata.
var bystanders = map[string]bool{
	"noop": true, "log": true, "sleep": true, "unframe": true, "metric": true, "split": true, "try": true, "catch": true, "for_each": true,
	"processors": true, "parallel": true, "rate_limit": true, "dedupe": true, "json_schema": true,
}

// processors looks at what each reads before what it may set.
func (g *givers) processors(list []*node) {
	for _, n := range list {
		text, isText := n.conf.(string)
		switch {
		case readers[n.name] && isText:
			g.read(n, n.path+"."+n.name, text)
			g.set = append(g.set, text)
		case lists[n.name] || n.name == "catch":
			g.processors(n.kids)
		case !bystanders[n.name]:
			g.opaque = true
		}
	}
}

// output looks at the expressions of our output.
func (g *givers) output(n *node) {
	for _, field := range []string{"table", "shard_by"} {
		g.read(n, n.at(field), n.text(field))
	}
	columns, _ := n.field("columns").(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		g.read(n, n.at("columns."+name), fmt.Sprint(columns[name]))
	}
}

// read finds the keys that a text reads and that nobody sets.
func (g *givers) read(n *node, path, text string) {
	if g.opaque || !strings.ContainsAny(text, "@(") {
		return
	}
	for _, kind := range slices.Sorted(maps.Keys(askedFor)) {
		for _, key := range askedFor[kind] {
			if in := g.input(kind); in != nil && reads(text, key) && !g.given(key) {
				note := ""
				if framing(in) {
					note = " (and not for messages of many records: records_per_message has to be 1)"
				}
				g.faults = append(g.faults, n.fault(path, notAsked, key, in.path+"."+in.name, note))
			}
		}
	}
}

// input is the first one of a kind, nil if there is none.
func (g *givers) input(kind string) *node {
	i := slices.IndexFunc(g.inputs, func(n *node) bool { return n.name == kind })
	if i < 0 {
		return nil
	}
	return g.inputs[i]
}

// given reports whether some message may have a key: an input was asked for it, or for
// headers, which may be called anything, or something sets it.
func (g *givers) given(key string) bool {
	for _, in := range g.inputs {
		asked, isList := in.field("record_metadata").([]any)
		if in.field("record_metadata") != nil && !isList || slices.Contains(asked, any(key)) || slices.Contains(asked, any("headers")) {
			return true
		}
		if static, _ := in.field("metadata").(map[string]any); static[key] != nil {
			return true
		}
	}
	sets := regexp.MustCompile(`(?m)(?:\bmeta\s*(?:"?` + key + `"?)?|@"?` + key + `"?|@)\s*=[^=>]`)
	return slices.ContainsFunc(g.set, sets.MatchString)
}

// reads reports whether a Bloblang text reads a key and has nothing to say for its
// absence.
func reads(text, key string) bool {
	read := regexp.MustCompile(`(?:@` + key + `\b|@"` + key + `"|\bmeta(?:data)?\("` + key + `"\))`)
	for _, at := range read.FindAllStringIndex(text, -1) {
		if !mayBeMissing.MatchString(text[at[1]:]) && !setsIt.MatchString(text[at[1]:]) {
			return true
		}
	}
	return false
}

var (
	mayBeMissing = regexp.MustCompile(`^\s*(?:(?:\.\s*[a-z_0-9]+\([^()]*\)\s*)*\.\s*(?:or|catch|type|not_null|exists)\(|[!=]=\s*null)`)
	setsIt       = regexp.MustCompile(`^\s*=[^=>]`)
)
