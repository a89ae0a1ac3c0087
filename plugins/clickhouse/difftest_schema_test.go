package clickhouse

import (
	"fmt"
	"slices"
	"strings"
)

// diffColumn is a column of a random table.
type diffColumn struct {
	name  string
	t     *diffType
	extra string        // DEFAULT 1, MATERIALIZED ..., ALIAS ..., EPHEMERAL
	parts []*diffColumn // of a flattened Nested
}

func (c *diffColumn) kind() string { word, _, _ := strings.Cut(c.extra, " "); return word }

// inserted: the column may be named in an INSERT.
func (c *diffColumn) inserted() bool { return c.kind() != "MATERIALIZED" && c.kind() != "ALIAS" }

// selected: the column can be read.
func (c *diffColumn) selected() bool { return c.kind() != "EPHEMERAL" }

// diffSchema is a random table. Its first column, id, says which record a row is.
type diffSchema struct {
	columns    []*diffColumn
	flatten    bool // Nested columns are columns of arrays
	bestEffort bool // the engine is asked to read times in any form
}

// diffNames are names of columns as they come, and such as trip parsers.
var diffNames = []string{
	"a", "b", "price", "Price", "PRICE", "ts", "_", "c1", "select", "from", "null", "this", "default", "ünï", "日本", "😀", "two words", "dash-ed", "at@", "1st", "q?", "a.b", "x.y.z", "%d", "$1", "#", "semi;", "comma,",
	strings.Repeat("long", 30),
}

// diffOddNames are names that quoting has to get right.
var diffOddNames = []string{"price (usd)", "x)", "(", "back`tick", `quo"te`, "it's", `back\slash`, "new\nline", "tab\t", ` lead`, "trail ", "values (", "é) VALUES"}

func (g *diffGen) schema() *diffSchema {
	s := &diffSchema{flatten: !g.oneIn(3), bestEffort: g.oneIn(2)}
	names := slices.Concat(diffNames, diffOddNames)
	g.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names[:1+g.IntN(8)] {
		c := &diffColumn{name: name, t: g.typ(diffDepth, func(*diffFamily) bool { return true })}
		if c.t.family.name == "Nested" {
			c.name = fmt.Sprintf("nested%d", len(s.columns))
			if s.flatten {
				c.flatten()
			}
		}
		s.columns = append(s.columns, c)
	}
	if g.oneIn(3) {
		s.addDefaults(g)
	}
	if g.oneIn(3) {
		s.addExpressions(g)
	}
	return s
}

// addExpressions gives columns of any type a default that only the server can work out:
// what it stores without one.
func (s *diffSchema) addExpressions(g *diffGen) {
	for _, c := range s.columns {
		if c.extra == "" && c.parts == nil && !g.oneIn(4) {
			c.extra = "DEFAULT defaultValueOfTypeName(" + quoteText(c.t.text) + ")"
		}
	}
}

// flatten makes a Nested the columns of arrays that it is by default.
func (c *diffColumn) flatten() {
	tuple := c.t.args[0].args[0]
	for i, arg := range tuple.args {
		array := &diffType{family: diffFamilies["Array"]}
		array.wrap(arg)
		c.parts = append(c.parts, &diffColumn{name: c.name + "." + tuple.names[i], t: array})
	}
}

// addDefaults adds columns whose values the server works out.
func (s *diffSchema) addDefaults(g *diffGen) {
	number := &diffType{family: diffFamilies["UInt"], text: "UInt64", n: 64}
	text := &diffType{family: diffFamilies["String"], text: "String"}
	for _, c := range []*diffColumn{
		{name: "d_const", t: number, extra: "DEFAULT 42"},
		{name: "d_expr", t: number, extra: "DEFAULT id * 10"},
		{name: "d_text", t: text, extra: "DEFAULT concat('id ', toString(id))"},
		{name: "m", t: number, extra: "MATERIALIZED id + 1"},
		{name: "al", t: number, extra: "ALIAS id + 2"},
		{name: "e", t: number, extra: "EPHEMERAL 7"},
		{name: "d_e", t: number, extra: "DEFAULT e + 1"},
	} {
		if g.oneIn(2) || c.name == "d_e" && s.column("e") != nil {
			s.columns = append(s.columns, c)
		}
	}
	s.columns = slices.DeleteFunc(s.columns, func(c *diffColumn) bool { return c.name == "d_e" && s.column("e") == nil })
}

// leaves are the columns as the server has them.
func (s *diffSchema) leaves() []*diffColumn {
	var all []*diffColumn
	for _, c := range s.columns {
		if c.parts != nil {
			all = append(all, c.parts...)
		} else {
			all = append(all, c)
		}
	}
	return all
}

func (s *diffSchema) column(name string) *diffColumn {
	for _, c := range s.leaves() {
		if c.name == name {
			return c
		}
	}
	return nil
}

// has reports whether a column has a type of the family in it.
func (s *diffSchema) has(family string) bool {
	return slices.ContainsFunc(s.columns, func(c *diffColumn) bool { return c.t.within(family) })
}

// ddl is the list of columns of CREATE TABLE.
func (s *diffSchema) ddl() string {
	parts := []string{"id UInt64"}
	for _, c := range s.columns {
		parts = append(parts, strings.TrimSpace(quote(c.name)+" "+c.t.text+" "+c.extra))
	}
	return strings.Join(parts, ", ")
}

// list is the columns that can be inserted, for INSERT.
func (s *diffSchema) list() string {
	parts := []string{"id"}
	for _, c := range s.leaves() {
		if c.inserted() {
			parts = append(parts, quote(c.name))
		}
	}
	return strings.Join(parts, ", ")
}

// diffRecord is a record and what it is made of.
type diffRecord struct {
	n      int // its id, from 1 on
	text   string
	node   *diffNode // nil if it is no sound record
	broken bool      // its syntax was tampered with
}

// record makes record n.
func (g *diffGen) record(s *diffSchema, n int) *diffRecord {
	g.spaced = g.oneIn(12)
	var names, values []string
	unruly, all := g.IntN(len(s.columns)), g.oneIn(10)
	mood := oneOf(g, calm, calm, calm, edgy, edgy, edgy, wild)
	for i, c := range s.columns {
		if !c.inserted() && !g.oneIn(8) || c.extra != "" && g.oneIn(2) || g.oneIn(20) {
			continue
		}
		m := calm
		if i == unruly || all {
			m = mood
		}
		g.field(c, m, &names, &values)
	}
	g.Shuffle(len(names), func(i, j int) {
		names[i], names[j] = names[j], names[i]
		values[i], values[j] = values[j], values[i]
	})
	if g.oneIn(15) {
		names, values = append(names, oneOf(g, "stranger", "", "ID", "a.b.c", "nested0")), append(values, oneOf(g, diffWild...))
	}
	if g.oneIn(40) && len(names) > 0 {
		i := g.IntN(len(names))
		names, values = append(names, names[i]), append(values, values[i])
	}
	r := &diffRecord{n: n, text: g.object(append([]string{"id"}, names...), append([]string{fmt.Sprint(n)}, values...))}
	if g.oneIn(25) {
		r.text, r.broken = g.tamper(r.text), true
	}
	r.node, _ = diffSound([]byte(r.text))
	return r
}

// field adds the fields of a column: one, or those of a flattened Nested.
func (g *diffGen) field(c *diffColumn, mood diffMood, names, values *[]string) {
	if c.parts == nil {
		*names, *values = append(*names, c.name), append(*values, g.value(c.t, mood))
		return
	}
	n := g.IntN(4)
	for _, part := range c.parts {
		if mood != calm && g.oneIn(20) {
			n = g.IntN(4) // of another length than the others, which is an error
		}
		text := g.list(some(n, func() string { return g.inner(part.t.args[0], mood != calm && g.oneIn(3)) }))
		if mood == wild && g.oneIn(8) {
			text = oneOf(g, diffWild...)
		}
		*names, *values = append(*names, part.name), append(*values, text)
	}
}

// tamper breaks the syntax of a record somewhere behind its id, or only bends it.
func (g *diffGen) tamper(text string) string {
	at := strings.IndexAny(text, ",}") + 1
	if at == len(text) {
		at--
	}
	at += g.IntN(len(text) - at)
	switch g.IntN(10) {
	case 0:
		return text[:at]
	case 1:
		return text[:at] + oneOf(g, "\xff", "\xc3", "\xed\xa0\x80", "\x00", "\x01", "\n", "\\", `"`, ",", ":", "{", "}", "[", "]", "x", "/**/", `\ud800`, "\u00a0", "1", "-", "+", ".") + text[at:]
	case 2:
		return text[:at] + text[at+1:]
	case 3:
		return text[:len(text)-1] + oneOf(g, ",}", `,"s":01}`, `,"s":+1}`, `,"s":.5}`, `,"s":1.}`, `,"s":tru}`, `,"s":True}`, `,"s":nan}`, `,"s":'x'}`, `,"s":"\x"}`, `,"s":"\ud800"}`, `,"s":"\udc00\ud800"}`, `,"s":0x10}`, `,s:1}`, `,"s"}`, `,"s":}`, `,"s":"`+"\xff"+`"}`, `,"s":"`+"\n"+`"}`)
	case 4:
		return text + oneOf(g, " ", "\n", "\r\n", "\t\n ", "x", ",", "}", "]", "\x00", ";")
	case 5:
		return oneOf(g, " ", "\n", "\t", "\r\n") + text
	case 6:
		return text[:len(text)-1] + `,"s":` + strings.Repeat("[", 500+g.IntN(30)) + oneOf(g, "", strings.Repeat("]", 514)) + "}"
	case 7:
		deep := 100 + g.IntN(500)
		return text[:len(text)-1] + `,"s":` + strings.Repeat("[", deep) + strings.Repeat("]", deep) + "}"
	case 8:
		return strings.ReplaceAll(text, ",", " ,\r\n\t")
	}
	b := []byte(text)
	b[at] ^= 1 << g.IntN(8)
	return string(b)
}
