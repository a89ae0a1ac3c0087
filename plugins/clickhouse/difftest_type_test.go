package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// diffType is a ClickHouse type as the generator made it.
type diffType struct {
	family *diffFamily
	text   string // as CREATE TABLE wants it
	args   []*diffType
	names  []string   // of the elements of a Tuple or Nested
	n      int        // bits of a number, precision of a Decimal or a time, size of a FixedString
	scale  int        // of a Decimal
	zone   string     // of a time
	enum   []diffEnum // of an Enum
}

type diffEnum struct {
	name string
	n    int
}

// diffFamily is a kind of types: how to make one, values for it, and the oracle
// of what is stored. A new type of the output is one more line in diffFamilies.
type diffFamily struct {
	name   string
	weight int // how often; 0 for what only others are made of
	traits diffTraits
	make   func(g *diffGen, t *diffType, depth int)
	// value writes a JSON text that the type holds, or with edge one near the
	// limits of what it holds, on either side.
	value func(g *diffGen, t *diffType, edge bool) string
	// kept says what was lost between a JSON value and what is stored of it, nil
	// if nothing was. It knows nothing of the output's code.
	kept func(t *diffType, in, out *diffNode) error
}

// diffTraits say where a type may stand.
type diffTraits struct {
	nullable bool // inside Nullable
	low      bool // inside LowCardinality
	key      bool // as the key of a Map
	alone    bool // as a column only
}

var diffFamilies map[string]*diffFamily

func init() {
	scalar := diffTraits{nullable: true}
	number := diffTraits{nullable: true, key: true}
	text := diffTraits{nullable: true, low: true, key: true}
	diffFamilies = map[string]*diffFamily{}
	for _, f := range []diffFamily{
		{"Int", 10, number, makeDiffInt, intDiffValue, numberKept},
		{"UInt", 10, number, makeDiffInt, intDiffValue, numberKept},
		{"Float", 6, scalar, makeDiffFloat, floatDiffValue, floatKept},
		{"Decimal", 8, scalar, makeDiffDecimal, decimalDiffValue, numberKept},
		{"Bool", 2, scalar, nil, boolDiffValue, boolKept},
		{"String", 6, text, nil, stringDiffValue, stringKept},
		{"FixedString", 3, text, makeDiffFixedString, fixedStringDiffValue, fixedStringKept},
		{"Date", 3, number, nil, dateDiffValue, dateKept},
		{"Date32", 3, scalar, nil, dateDiffValue, dateKept},
		{"DateTime", 6, scalar, makeDiffDateTime, timeDiffValue, timeKept},
		{"DateTime64", 6, scalar, makeDiffDateTime, timeDiffValue, timeKept},
		{"Time", 2, scalar, nil, clockDiffValue, clockKept},
		{"Time64", 2, scalar, makeDiffTime64, clockDiffValue, clockKept},
		{"BFloat16", 2, scalar, makeDiffBFloat, floatDiffValue, bfloatKept},
		{"Enum", 5, diffTraits{nullable: true}, makeDiffEnum, enumDiffValue, enumKept},
		{"UUID", 3, number, nil, uuidDiffValue, uuidKept},
		{"IPv4", 3, number, nil, ipDiffValue, ipKept},
		{"IPv6", 3, scalar, nil, ipDiffValue, ipKept},
		{"Nullable", 8, diffTraits{}, makeDiffNullable, nullableDiffValue, nullableKept},
		{"LowCardinality", 6, diffTraits{key: true}, makeDiffLow, innerDiffValue, innerKept},
		{"Array", 8, diffTraits{}, makeDiffArray, arrayDiffValue, arrayKept},
		{"Tuple", 7, diffTraits{}, makeDiffTuple, tupleDiffValue, tupleKept},
		{"Map", 6, diffTraits{}, makeDiffMap, mapDiffValue, mapKept},
		{"Variant", 4, diffTraits{}, makeDiffVariant, variantDiffValue, variantKept},
		{"Dynamic", 2, diffTraits{}, nil, dynamicDiffValue, anyKept},
		{"JSON", 3, diffTraits{nullable: true}, makeDiffJSON, jsonDiffValue, anyKept},
		{"Geo", 3, diffTraits{}, makeDiffGeo, innerDiffValue, innerKept},
		{"SimpleAggregateFunction", 2, diffTraits{alone: true}, makeDiffSimple, innerDiffValue, innerKept},
		{"Nested", 3, diffTraits{alone: true}, makeDiffNested, innerDiffValue, innerKept},
	} {
		diffFamilies[f.name] = &f
	}
}

// diffGen makes schemas and records; the same seed makes the same ones.
type diffGen struct {
	*rand.Rand
	spaced bool // the record at hand has white space between its parts
}

func newDiffGen(seed uint64) *diffGen { return &diffGen{Rand: rand.New(rand.NewPCG(seed, 26))} }

// oneIn is true once in n times.
func (g *diffGen) oneIn(n int) bool { return g.IntN(n) == 0 }

func oneOf[T any](g *diffGen, from ...T) T { return from[g.IntN(len(from))] }

// some returns n times what one makes.
func some[T any](n int, one func() T) []T {
	list := []T{}
	for range n {
		list = append(list, one())
	}
	return list
}

// diffDepth is how deep types are nested.
const diffDepth = 3

func anywhere(f *diffFamily) bool { return !f.traits.alone }

// typ makes a type of those families that fit.
func (g *diffGen) typ(depth int, fits func(*diffFamily) bool) *diffType {
	names := []string{}
	for name, f := range diffFamilies {
		if f.weight == 0 || !fits(f) || depth <= 0 && f.traits == (diffTraits{}) {
			continue
		}
		names = append(names, slices.Repeat([]string{name}, f.weight)...)
	}
	slices.Sort(names)
	return g.typeOf(oneOf(g, names...), depth)
}

func (g *diffGen) typeOf(family string, depth int) *diffType {
	t := &diffType{family: diffFamilies[family], text: family}
	if t.family.make != nil {
		t.family.make(g, t, depth-1)
	}
	return t
}

func makeDiffInt(g *diffGen, t *diffType, _ int) {
	t.n = oneOf(g, 8, 16, 32, 64, 64, 128, 256)
	t.text = fmt.Sprintf("%s%d", t.family.name, t.n)
}

func makeDiffFloat(g *diffGen, t *diffType, _ int) {
	t.n = oneOf(g, 32, 64)
	t.text = fmt.Sprintf("Float%d", t.n)
}

func makeDiffBFloat(_ *diffGen, t *diffType, _ int) { t.n = 32 } // whose upper half it is

func makeDiffDecimal(g *diffGen, t *diffType, _ int) {
	t.n = oneOf(g, 1+g.IntN(9), 10+g.IntN(9), 19+g.IntN(20), 39+g.IntN(38), 9, 18, 38, 76)
	t.scale = oneOf(g, 0, t.n, g.IntN(t.n+1), min(8, t.n))
	t.text = fmt.Sprintf("Decimal(%d, %d)", t.n, t.scale)
}

func makeDiffFixedString(g *diffGen, t *diffType, _ int) {
	t.n = oneOf(g, 1, 2, 3, 8, 16, 33)
	t.text = fmt.Sprintf("FixedString(%d)", t.n)
}

// diffZones have gaps and overlaps of an hour and of half an hour, a day that was
// left out, an offset that is no whole hour, and none of all that.
var diffZones = []string{
	"UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia",
}

func makeDiffDateTime(g *diffGen, t *diffType, _ int) {
	if !g.oneIn(4) {
		t.zone = oneOf(g, diffZones...)
	}
	args := []string{}
	if t.family.name == "DateTime64" {
		t.n = oneOf(g, 0, 3, 3, 6, 9, g.IntN(10))
		args = append(args, fmt.Sprint(t.n))
	}
	if t.zone != "" {
		args = append(args, quoteText(t.zone))
	}
	if len(args) > 0 {
		t.text += "(" + strings.Join(args, ", ") + ")"
	}
}

func makeDiffTime64(g *diffGen, t *diffType, _ int) {
	t.n = oneOf(g, 0, 3, 6, 9)
	t.text = fmt.Sprintf("Time64(%d)", t.n)
}

// quoteText quotes a ClickHouse string literal.
func quoteText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\t", `\t`).Replace(s) + "'"
}

// diffEnumNames are names as enums have them, and such as trip parsers.
var diffEnumNames = []string{
	"buy", "sell", "NEW", "Partially filled", "a,b", "f(x)", ")", "=", "a = 1", "ünï", "😀", "", " ", "-1", "0", "null", "a b", "`tick`",
}

// diffOddEnumNames need escapes in the type's text.
var diffOddEnumNames = []string{"it's", `back\slash`, `"quoted"`, "tab\t", "line\n", `\'`, `\`}

func makeDiffEnum(g *diffGen, t *diffType, _ int) {
	t.n = oneOf(g, 8, 16)
	limit := 1 << (t.n - 1)
	names := slices.Concat(diffEnumNames, diffOddEnumNames)
	g.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var parts []string
	used := map[int]bool{}
	for _, name := range names[:1+g.IntN(5)] {
		n := oneOf(g, -limit, limit-1, g.IntN(20), g.IntN(2*limit)-limit)
		if used[n] {
			continue
		}
		used[n] = true
		t.enum = append(t.enum, diffEnum{name, n})
		parts = append(parts, fmt.Sprintf("%s = %d", quoteText(name), n))
	}
	t.text = fmt.Sprintf("Enum%d(%s)", t.n, strings.Join(parts, ", "))
}

// wrap makes t a type around one other.
func (t *diffType) wrap(inner *diffType) {
	t.args = []*diffType{inner}
	t.text = t.family.name + "(" + inner.text + ")"
}

func makeDiffNullable(g *diffGen, t *diffType, depth int) {
	t.wrap(g.typ(depth, func(f *diffFamily) bool { return f.traits.nullable }))
}

func makeDiffLow(g *diffGen, t *diffType, depth int) {
	inner := g.typ(depth, func(f *diffFamily) bool { return f.traits.low })
	if g.oneIn(3) {
		nullable := &diffType{family: diffFamilies["Nullable"]}
		nullable.wrap(inner)
		inner = nullable
	}
	t.wrap(inner)
}

func makeDiffArray(g *diffGen, t *diffType, depth int) { t.wrap(g.typ(depth, anywhere)) }

// diffElementNames are names of the elements of tuples.
var diffElementNames = []string{"a", "b", "bid", "ask_size", "Price", "price", "x1", "_", "ünï", "two words", "a.b", "it's", "1st", "select", "😀"}

func (g *diffGen) elementNames(n int) []string {
	names := slices.Clone(diffElementNames)
	g.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names[:n]
}

func makeDiffTuple(g *diffGen, t *diffType, depth int) {
	t.args = some(1+g.IntN(4), func() *diffType { return g.typ(depth, anywhere) })
	if g.oneIn(2) {
		t.names = g.elementNames(len(t.args))
	}
	t.text = "Tuple(" + t.elements() + ")"
}

// elements spells the elements of a Tuple or Nested.
func (t *diffType) elements() string {
	var parts []string
	for i, arg := range t.args {
		part := arg.text
		if t.names != nil {
			part = quote(t.names[i]) + " " + part
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func makeDiffMap(g *diffGen, t *diffType, depth int) {
	key := g.typ(depth, func(f *diffFamily) bool { return f.traits.key })
	if key.within("Nullable") {
		key = key.args[0].args[0]
	}
	t.args = []*diffType{key, g.typ(depth, anywhere)}
	t.text = fmt.Sprintf("Map(%s, %s)", t.args[0].text, t.args[1].text)
}

// makeDiffVariant takes types that the server can tell apart: it refuses those
// that are alike.
func makeDiffVariant(g *diffGen, t *diffType, depth int) {
	families := []string{"Int", "Float", "String", "Bool", "Array", "Date", "UUID", "IPv4", "Map", "Tuple", "DateTime64"}
	g.Shuffle(len(families), func(i, j int) { families[i], families[j] = families[j], families[i] })
	var parts []string
	for _, family := range families[:1+g.IntN(4)] {
		arg := g.typeOf(family, depth)
		t.args = append(t.args, arg)
		parts = append(parts, arg.text)
	}
	t.text = "Variant(" + strings.Join(parts, ", ") + ")"
}

func makeDiffJSON(g *diffGen, t *diffType, _ int) {
	t.text = oneOf(g, "JSON", "JSON", "JSON(max_dynamic_paths = 4)", "JSON(a Int64)", "JSON(SKIP b)")
}

func makeDiffGeo(g *diffGen, t *diffType, _ int) {
	depths := map[string]int{"Point": 0, "Ring": 1, "LineString": 1, "Polygon": 2, "MultiLineString": 2, "MultiPolygon": 3}
	t.text = oneOf(g, "Point", "Point", "Ring", "LineString", "Polygon", "MultiLineString", "MultiPolygon")
	float := &diffType{family: diffFamilies["Float"], text: "Float64", n: 64}
	inner := &diffType{family: diffFamilies["Tuple"], text: "Point", args: []*diffType{float, float}}
	for range depths[t.text] {
		inner = &diffType{family: diffFamilies["Array"], text: "Array", args: []*diffType{inner}}
	}
	t.args = []*diffType{inner}
}

func makeDiffSimple(g *diffGen, t *diffType, depth int) {
	function, inner := "any", g.typeOf(oneOf(g, "UInt", "String", "DateTime64"), depth)
	if g.oneIn(3) {
		function, inner = "groupArrayArray", &diffType{family: diffFamilies["Array"]}
		inner.wrap(g.typeOf(oneOf(g, "UInt", "String", "DateTime64", "Array"), 1))
	}
	t.args = []*diffType{inner}
	t.text = fmt.Sprintf("SimpleAggregateFunction(%s, %s)", function, inner.text)
}

// makeDiffNested makes a Nested; its one argument is the array of tuples that
// it is unless it is flattened.
func makeDiffNested(g *diffGen, t *diffType, depth int) {
	tuple := &diffType{family: diffFamilies["Tuple"]}
	tuple.args = some(1+g.IntN(3), func() *diffType { return g.typ(min(depth, 1), anywhere) })
	tuple.names = []string{"a", "b", "price"}[:len(tuple.args)]
	t.text = "Nested(" + tuple.elements() + ")"
	t.args = []*diffType{{family: diffFamilies["Array"], args: []*diffType{tuple}}}
}
