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
			g.letters(n)
		}
	})
	for _, f := range g.nulls {
		g.faults = append(g.faults, f.fault)
	}
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
	nulls  []nullField // that processors make, and nothing has mentioned since
}

// nullField is a field of records that is null for all of them.
type nullField struct {
	name  string
	fault Fault
}

// readers are processors of which it is known what they do with metadata.
var readers = map[string]bool{"mapping": true, "mutation": true, "bloblang": true}

// bystanders are processors that set no metadata.
var bystanders = map[string]bool{
	"noop": true, "log": true, "sleep": true, "unframe": true, "metric": true, "split": true, "try": true, "catch": true, "for_each": true,
	"processors": true, "parallel": true, "rate_limit": true, "dedupe": true, "json_schema": true,
}

// processors looks at what each reads, unless it may have been set.
func (g *givers) processors(list []*node) {
	for _, n := range list {
		text, isText := n.conf.(string)
		switch {
		case readers[n.name] && isText:
			g.set = append(g.set, text)
			g.passes(text)
			for _, r := range plainReads(text) {
				f, none := g.absent(n, n.path+"."+n.name, r.key)
				switch {
				case !none:
				case r.fails:
					g.faults = append(g.faults, f)
				case r.into != "" && !handles(text, r.into, 1):
					g.nulls = append(g.nulls, nullField{r.into, f})
				}
			}
		case lists[n.name] || n.name == "catch":
			g.processors(n.kids)
		case !bystanders[n.name]:
			g.opaque, g.nulls = true, nil
		}
	}
}

// passes forgets null fields that an expression may know what to do with. One that just
// hands a field on knows nothing.
func (g *givers) passes(text string) {
	if !slices.ContainsFunc(tokensOf(text), func(t token) bool { return t.text != "." && !bareName.MatchString(t.text) }) {
		return
	}
	g.nulls = slices.DeleteFunc(g.nulls, func(f nullField) bool { return handles(text, f.name, 0) })
}

// handles reports whether a text may do something about a field that is null: it
// mentions it more often than it says, or looks at all fields.
func handles(text, field string, mentions int) bool {
	for _, s := range statementsOf(text) {
		if mentions > 0 && len(s.into) == 1 { // the root as a whole
			return true
		}
	}
	for _, t := range tokensOf(text) {
		switch strings.Trim(t.text, `"`) {
		case field:
			mentions--
		case "null", "->":
			return true
		}
	}
	return mentions < 0 || rootRead(text)
}

// rootRead reports whether a text looks at what it has assigned.
func rootRead(text string) bool {
	return slices.ContainsFunc(statementsOf(text), func(s statement) bool {
		return slices.ContainsFunc(s.value, func(t token) bool { return t.text == "root" })
	})
}

// output looks at the expressions of our output.
func (g *givers) output(n *node) {
	for _, field := range []string{"table", "shard_by"} {
		g.expression(n, n.at(field), n.text(field))
	}
	columns, _ := n.field("columns").(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		g.expression(n, n.at("columns."+name), fmt.Sprint(columns[name]))
	}
}

// letters looks at the processors of what takes dead letters, which have the metadata
// of their record beside the reason.
func (g *givers) letters(n *node) {
	for _, letter := range n.in("dead_letter") {
		g.tree.within(letter, func(n *node, _ []*node) {
			g.processors(n.own())
			if n.name == clickhouse {
				g.output(n)
				g.letters(n)
			}
		})
	}
}

var interpolation = regexp.MustCompile(`(?s)\$\{!(.*?)\}`)

// expression looks at one that is to give a value: null is none.
func (g *givers) expression(n *node, path, text string) {
	parts := []string{text}
	if strings.Contains(text, "${!") {
		parts = nil
		for _, found := range interpolation.FindAllStringSubmatch(text, -1) {
			parts = append(parts, found[1])
		}
	}
	for _, part := range parts {
		g.passes(part)
		for _, r := range plainReads(part) {
			if f, none := g.absent(n, path, r.key); none && (r.fails || r.into == "" && len(statementsOf(part)) == 1) {
				g.faults = append(g.faults, f)
			}
		}
	}
}

// absent reports whether no message has a key that an input could have been asked for.
func (g *givers) absent(n *node, path, key string) (fault Fault, none bool) {
	if g.opaque {
		return fault, false
	}
	for _, kind := range slices.Sorted(maps.Keys(askedFor)) {
		in := g.input(kind)
		if in == nil || !slices.Contains(askedFor[kind], key) || g.given(key) {
			continue
		}
		note := ""
		if framing(in) {
			note = " (and not for messages of many records: records_per_message has to be 1)"
		}
		return n.fault(path, notAsked, key, in.path+"."+in.name, note), true
	}
	return fault, false
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
