package clickhouse

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// diffMood is how unruly the values of a record are.
type diffMood int

const (
	calm diffMood = iota // what the type holds
	edgy                 // near the limits of what it holds
	wild                 // anything
)

// value makes a value for a type. In one of a nested type not all parts are as
// unruly as the mood says.
func (g *diffGen) value(t *diffType, mood diffMood) string {
	if mood == wild && g.oneIn(2) {
		return oneOf(g, diffWild...)
	}
	text := t.family.value(g, t, mood != calm && g.oneIn(2))
	if g.oneIn(60) && text[0] == '"' {
		return g.respelled(text)
	}
	return text
}

// respelled is a string with some of its characters escaped.
func (g *diffGen) respelled(text string) string {
	var s string
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		panic(err)
	}
	return g.escapedText(s)
}

func (g *diffGen) inner(t *diffType, edge bool) string {
	mood := calm
	if edge {
		mood = oneOf(g, calm, calm, edgy, edgy, edgy, wild)
	}
	return g.value(t, mood)
}

// diffWild are values of every kind.
var diffWild = []string{
	"null", "null", "true", "false", "0", "1", "-1", "1.5", "300", `""`, `" "`, `"x"`, `"1"`, `"null"`, `"true"`, "[]", "[1]", "[null]", `["x"]`, "[[]]",
	"{}", `{"a":1}`, `{"a":null,"b":[1]}`, `{"a":{"b":{}}}`, `"2026-11-23"`, `"2026-11-23 10:00:00"`, `"[1]"`, `"{}"`, `[{"a":1}]`, `"\u0000"`, "1e3", `"nan"`,
}

// jsonText spells a string in JSON, now and then with escapes that it need not have.
func (g *diffGen) jsonText(s string) string {
	if !g.oneIn(8) {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(g.oneIn(4))
		if e.Encode(s) == nil {
			return strings.TrimSpace(b.String())
		}
	}
	return g.escapedText(s)
}

// escapedText spells a string with escapes here and there.
func (g *diffGen) escapedText(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r > 0xffff || r >= ' ' && r != '"' && r != '\\' && !g.oneIn(3):
			b.WriteRune(r)
		case r == '/':
			b.WriteString(`\/`)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return `"` + b.String() + `"`
}

// limits are the least and the greatest number of an Int or UInt.
func (t *diffType) limits() (least, greatest *big.Int) {
	one := big.NewInt(1)
	if t.family.name == "UInt" {
		return new(big.Int), new(big.Int).Sub(new(big.Int).Lsh(one, uint(t.n)), one)
	}
	half := new(big.Int).Lsh(one, uint(t.n-1))
	return new(big.Int).Neg(half), half.Sub(half, one)
}

// below is a random number of any length from 0 up to, not including, n.
func (g *diffGen) below(n *big.Int) *big.Int {
	x := new(big.Int)
	for range n.BitLen()/64 + 1 {
		x.Lsh(x, 64).Or(x, new(big.Int).SetUint64(g.Uint64()))
	}
	x.Rsh(x, uint(g.IntN(x.BitLen()+1)))
	return x.Mod(x, n)
}

func intDiffValue(g *diffGen, t *diffType, edge bool) string {
	least, greatest := t.limits()
	if edge {
		return g.oddNumber(oneOf(g, least, greatest))
	}
	n := g.below(new(big.Int).Sub(greatest, least))
	text := n.Add(n, oneOf(g, least, new(big.Int))).String()
	if n.Cmp(greatest) > 0 {
		text = greatest.String()
	}
	switch g.IntN(12) {
	case 0:
		return `"` + text + `"`
	case 1:
		return text + ".000"
	case 2:
		return oneOf(g, "0", "1", "100", least.String(), greatest.String())
	}
	return text
}

// oddNumber is a number near a limit, or one that is spelled in an odd way.
func (g *diffGen) oddNumber(limit *big.Int) string {
	if g.oneIn(2) {
		n := new(big.Int).Add(limit, big.NewInt(int64(g.IntN(5)-2)))
		text := oneOf(g, n.String(), n.String(), n.String()+".0", n.String()+"e0", n.String()+"0e-1", n.String()+"0", n.String()+".5")
		return oneOf(g, text, text, `"`+text+`"`)
	}
	return oneOf(g, "-0", "-0.0", "1e3", "1E+2", "12300e-2", "1.5", "0.1", "1e-1", "1e400", "-1e400", "1e-400", "0e999999999", "1e99999999999999999999", "-1",
		`"+1"`, `" 1"`, `"1 "`, `""`, `"007"`, `"0x10"`, `"1_000"`, `"1,5"`, `"1e3"`, `"\u0031"`, `"١"`, `"-"`, `"-0"`, `"00"`, `"1."`, `".5"`, "1.0000000000000000000000000000000000",
		"18446744073709551616", "9223372036854775808", "-9223372036854775809", strings.Repeat("9", 1+g.IntN(90)), "1"+strings.Repeat("0", g.IntN(90)), "0."+strings.Repeat("0", g.IntN(90))+"1")
}

var floatLimits = []string{
	"0", "-0", "-0.0", "5e-324", "4e-324", "2e-324", "2.2250738585072011e-308", "2.2250738585072014e-308", "1.7976931348623157e308", "1.7976931348623158e308", "1.797693134862315808e308", "1.7976931348623159e308", "1e309", "-1e309",
	"3.4028235e38", "3.4028234663852886e38", "3.4028235677973366e38", "3.4028236e38", "1e39", "1.4e-45", "7e-46", "1.17549435e-38", "16777217", "16777219", "9007199254740993", "9007199254740992.9999", "1e23", "8.5e22",
	"0.1", "0.30000000000000004", "123456789012345678901234567890", "1e-400", "0e400", "1e22", "1e-22", "4.35", "0.000001", "6.02214076e+23",
	`"nan"`, `"NaN"`, `"inf"`, `"-inf"`, `"Inf"`, `"+inf"`, `"infinity"`, `"-Infinity"`, `"-nan"`, `"nan "`, `"1.5"`, `"1e5"`, `".5"`, `"5."`, `"+1.5"`, `" 1.5"`, `"0x1p3"`, `"1.5f"`, `""`, "true",
}

func floatDiffValue(g *diffGen, t *diffType, edge bool) string {
	switch {
	case edge && g.oneIn(2):
		return oneOf(g, floatLimits...)
	case edge:
		return oneOf(g, g.digits(1+g.IntN(40))+"."+g.digits(1+g.IntN(40)), g.digits(1+g.IntN(30))+"e-"+strconv.Itoa(g.IntN(60)), g.halfway(t))
	}
	f := math.Float64frombits(g.Uint64())
	if t.n == 32 {
		f = float64(math.Float32frombits(g.Uint32()))
	}
	if math.IsNaN(f) || math.IsInf(f, 0) || g.oneIn(2) {
		f = math.Round(g.NormFloat64()*1e8) / oneOf(g, 1.0, 10, 1e4, 1e8)
	}
	text := strconv.FormatFloat(f, oneOf(g, byte('g'), 'g', 'e'), -1, t.n)
	return oneOf(g, text, text, text, `"`+text+`"`)
}

// halfway is a number in the middle of two floats, or next to that.
func (g *diffGen) halfway(t *diffType) string {
	f := math.Float64frombits(0x3ff0000000000000 + g.Uint64()>>2&0x0fffffffffffffff)
	next := math.Nextafter(f, math.Inf(1))
	if t.n == 32 {
		f = float64(float32(g.NormFloat64() * 1000))
		next = float64(math.Nextafter32(float32(f), float32(math.Inf(1))))
	}
	if math.IsInf(next, 0) || math.IsNaN(next) {
		return "1e308"
	}
	middle := new(big.Rat).Add(new(big.Rat).SetFloat64(f), new(big.Rat).SetFloat64(next))
	text := middle.Mul(middle, big.NewRat(1, 2)).FloatString(60)
	return oneOf(g, strings.TrimRight(text, "0")+"0", text[:len(text)-8]+"00000001")
}

// digits are n digits that do not begin with 0.
func (g *diffGen) digits(n int) string {
	b := []byte{byte('1' + g.IntN(9))}
	for range n - 1 {
		b = append(b, byte('0'+g.IntN(10)))
	}
	return string(b)
}

func decimalDiffValue(g *diffGen, t *diffType, edge bool) string {
	whole, sign := t.n-t.scale, oneOf(g, "", "", "-")
	number := func(whole, fraction int) string {
		text := sign + "0"
		if whole > 0 {
			text = sign + g.digits(whole)
		}
		if fraction > 0 {
			text += "." + (strings.Repeat("0", g.IntN(fraction)) + g.digits(fraction))[:fraction]
		}
		return text
	}
	if !edge {
		fraction := 0
		if t.scale > 0 {
			fraction = 1 + g.IntN(t.scale)
		}
		text := sign + "0"
		if whole > 0 && (fraction == 0 || g.oneIn(2)) {
			text = sign + g.digits(1+g.IntN(whole))
		}
		if fraction > 0 {
			text += "." + g.digits(fraction)
		}
		return oneOf(g, text, text, `"`+text+`"`)
	}
	if g.oneIn(3) {
		limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(whole)), nil)
		return g.oddNumber(oneOf(g, limit, new(big.Int).Neg(limit)))
	}
	nines := sign + "0." + strings.Repeat("9", t.scale) + "0"
	if whole > 0 {
		nines = sign + strings.Repeat("9", whole) + "." + strings.Repeat("9", t.scale) + "0"
	}
	return oneOf(g, number(whole, t.scale+1), number(whole+1, t.scale), number(whole, t.scale), nines, nines+"1", nines+"e0",
		fmt.Sprintf("1e%d", whole), fmt.Sprintf("1e%d", whole-1), fmt.Sprintf("1e-%d", t.scale), fmt.Sprintf("1e-%d", t.scale+1), `"`+nines+`"`, fmt.Sprintf("%s5e-%d", sign, t.scale+1))
}

func boolDiffValue(g *diffGen, _ *diffType, edge bool) string {
	if edge {
		return oneOf(g, "0", "1", "2", `"true"`, `"false"`, `"1"`, `"0"`, `"True"`, `"yes"`, `"t"`, `"on"`, "1.0", `""`, "null")
	}
	return oneOf(g, "true", "false")
}

var diffTexts = []string{
	"", "x", "BTCUSDT", "a b", "é", "日本語", "😀", "\u0000", "\t\n\r\b\f", `"`, `\`, `\n`, "/", "'", "<&>", "\u2028", "\ufffd", "null", "NULL", `\N`, "1", "true", "{}", "[", " lead", "trail ",
	"\u007f", "\u0085", "\ufeff", "e\u0301", "A very long text: " + strings.Repeat("0123456789", 40),
}

func (g *diffGen) text() string {
	if g.oneIn(3) {
		return oneOf(g, diffTexts...)
	}
	return strings.Join(some(g.IntN(4), func() string { return oneOf(g, diffTexts[:20]...) }), oneOf(g, "", " ", "-"))
}

func stringDiffValue(g *diffGen, _ *diffType, edge bool) string {
	if edge {
		return oneOf(g, `{"a": [1, {"b":2}]}`, `[1,2 , "x"]`, `{ }`, `{"a":1,"a":2}`, `[ 1.50 , 1e3 ]`, `{"\u0061":"\/"}`, "{\"a\":\n1}", "0", "1.50", "-0", "1e3", "true", "null", `"\ud83d\ude00"`, `"\u0000x"`, `["é"]`)
	}
	return g.jsonText(g.text())
}

func fixedStringDiffValue(g *diffGen, t *diffType, edge bool) string {
	s := g.text()
	if !edge {
		for len(s) > t.n {
			runes := []rune(s)
			s = string(runes[:len(runes)-1])
		}
	}
	return g.jsonText(oneOf(g, s, s, strings.Repeat("x", t.n+g.IntN(2)*btoi(edge))))
}

// diffDays are days of note: ends of types and months, leap days, changes of clocks.
var diffDays = []string{
	"1970-01-01", "1969-12-31", "1900-01-01", "1899-12-31", "1925-01-01", "1924-12-31", "2149-06-06", "2149-06-07", "2299-12-31", "2300-01-01", "2106-02-07", "2106-02-08", "2283-11-11", "2262-04-11", "2262-04-12", "2263-01-01",
	"2024-02-29", "2023-02-29", "1900-02-29", "2000-02-29", "2100-02-29", "2026-04-31", "2026-00-10", "2026-13-01", "2026-01-00", "2026-01-32", "0000-00-00", "0001-01-01", "9999-12-31", "2026-11-23",
	"2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-10-04", "2026-04-05", "2011-12-30", "2018-11-04", "2018-02-17", "1981-03-29", "1916-05-01", "1945-04-02", "1883-11-18",
	"2026-1-2", "26-11-23", "2026/11/23", "20261123", "2026-11-23Z", "2026-11", "", "2026-11-2x", "+2026-11-23", "2026-11-23 ",
}

func (g *diffGen) day(edge bool) string {
	if edge {
		return oneOf(g, diffDays...)
	}
	return time.Unix(0, 0).UTC().AddDate(0, 0, g.IntN(65000)).Format(time.DateOnly)
}

func dateDiffValue(g *diffGen, _ *diffType, edge bool) string {
	if edge && g.oneIn(5) {
		return oneOf(g, "0", "20000", "-1", "65535", "65536", `"20000"`, `"2026-11-23T10:00:00Z"`, `"2026-11-23 10:00:00"`, `"2026-11-23T00:00:00Z"`, "true", "1e3", `"2026\u002d11-23"`)
	}
	return `"` + g.day(edge) + `"`
}

// diffChanges are days on which the clocks of a zone change.
var diffChanges = map[string][]string{
	"Europe/Berlin":       {"2026-03-29", "2026-10-25", "1980-04-06", "2050-03-27", "2040-12-31"},
	"America/New_York":    {"2026-03-08", "2026-11-01", "1987-04-05"},
	"Australia/Lord_Howe": {"2026-10-04", "2026-04-05"},
	"America/Sao_Paulo":   {"2018-11-04", "2018-02-17", "2018-02-18"},
	"Pacific/Apia":        {"2011-12-30", "2011-12-31", "2012-04-01"},
}

var (
	diffClocks    = []string{"00:00:00", "23:59:59", "02:30:00", "02:00:00", "03:00:00", "01:59:59", "01:30:00", "00:30:00", "06:28:15", "06:28:16", "23:47:16", "12:34:56"}
	diffOddClocks = []string{"24:00:00", "23:60:00", "23:59:60", "1:02:03", "10:00", "10", "10:00:00 PM", "-1:00:00", "99:99:99", "10:00:0x", ""}
	diffOffsets   = []string{"", "Z", "z", "+00:00", "-00:00", "+02:00", "-05:30", "+14:00", "+05:45", "+23:59"}
	diffOddZones  = []string{"+0200", "+02", "+24:00", "UTC", " UTC", " Z", "+02:00:00", "Europe/Berlin", "-", "+2:00", "GMT"}
)

func timeDiffValue(g *diffGen, t *diffType, edge bool) string {
	if edge && g.oneIn(4) {
		return oneOf(g, "0", "1", "1700000000", "1700000000.5", "1700000000.0", "4294967295", "4294967296", "-1", "1e9", "1700000000000", "1700000000123456789", `"1700000000"`, `"0"`, `"1700000000.123"`, `"1700000000123"`,
			`"now"`, "true", `""`, `"23.11.2026 10:00:00"`, `"2026-11-23T10:00:00\u002b01:00"`, `"Mon, 23 Nov 2026 10:00:00 GMT"`, "-1.5", "0.1", "10413791999", "10413792000", "-2208988800", "-2208988801", "12345", `"12345"`, `"20261123100000"`)
	}
	day, clock, offset := g.day(edge && g.oneIn(2)), oneOf(g, diffClocks...), oneOf(g, diffOffsets...)
	if days := diffChanges[t.zone]; days != nil && g.oneIn(10) {
		day, offset = oneOf(g, days...), ""
	}
	if edge && g.oneIn(3) {
		clock = oneOf(g, diffOddClocks...)
	}
	if edge && g.oneIn(4) {
		offset = oneOf(g, diffOddZones...)
	}
	digits := t.n * btoi(!edge)
	if edge && g.oneIn(2) {
		digits = g.IntN(13)
	}
	fraction := ""
	if digits > 0 {
		fraction = "." + g.digits(digits) + strings.Repeat("0", g.IntN(3))
	}
	if g.oneIn(10) {
		return `"` + day + `"`
	}
	text := `"` + day + oneOf(g, " ", "T", "T") + clock + fraction + offset + `"`
	if g.oneIn(50) {
		return strings.NewReplacer("+", `\u002b`, "/", `\/`, "T", `\u0054`).Replace(text)
	}
	return text
}

// clockDiffValue is for Time and Time64, which reach from -999:59:59 to 999:59:59.
func clockDiffValue(g *diffGen, t *diffType, edge bool) string {
	if edge && g.oneIn(2) {
		return oneOf(g, "0", "3599999", "3600000", "-3599999", "-3600000", "1.5", "45296", `"45296"`, `"999:59:59"`, `"1000:00:00"`, `"-999:59:59"`, `"12:60:00"`, `"12:00:60"`, `"1:2:3"`, `"12:34"`, `""`, `"12:34:56Z"`, `"2026-11-23 12:34:56"`, "true", "1e3")
	}
	text := fmt.Sprintf("%s%02d:%02d:%02d", oneOf(g, "", "", "-"), g.IntN(oneOf(g, 24, 24, 1000)), g.IntN(60), g.IntN(60))
	if digits := t.n + g.IntN(3)*btoi(edge); digits > 0 {
		text += "." + g.digits(digits)
	}
	return `"` + text + `"`
}

func enumDiffValue(g *diffGen, t *diffType, edge bool) string {
	e := t.enum[g.IntN(len(t.enum))]
	if edge {
		return oneOf(g, strconv.Itoa(e.n), `"`+strconv.Itoa(e.n)+`"`, strconv.Itoa(e.n+1), "70000", `"none"`, `""`, g.jsonText(" "+e.name), g.jsonText(strings.ToUpper(e.name)), "1.5", strconv.Itoa(e.n)+".0")
	}
	return g.jsonText(e.name)
}

func uuidDiffValue(g *diffGen, _ *diffType, edge bool) string {
	id := fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", g.Uint32(), g.IntN(1<<16), g.IntN(1<<16), g.IntN(1<<16), g.Uint64()>>16)
	if edge {
		id = oneOf(g, strings.ReplaceAll(id, "-", ""), "{"+id+"}", "urn:uuid:"+id, id[:35], id+"0", id[:35]+"g", "", " "+id, "00000000-0000-0000-0000-000000000000", strings.ReplaceAll(id, "-", ":"))
	}
	return `"` + oneOf(g, id, strings.ToUpper(id)) + `"`
}

func ipDiffValue(g *diffGen, t *diffType, edge bool) string {
	var b [16]byte
	for i := range b {
		b[i] = byte(g.Uint32() * uint32(g.IntN(2)))
	}
	v4, v6 := netip.AddrFrom4([4]byte(b[:4])).String(), netip.AddrFrom16(b).String()
	switch {
	case edge:
		return oneOf(g, `"`+v4+`"`, `"`+v6+`"`, `"::ffff:`+v4+`"`, `"::FFFF:1.2.3.4"`, `"1.2.3"`, `"1.2.3.256"`, `"01.2.3.4"`, `"1.2.3.04"`, `" 1.2.3.4"`, `"1.2.3.4 "`, `""`, `"::"`, `"::1%eth0"`, `"1:2:3:4:5:6:7:8:9"`, `"::1.2.3.4"`,
			`"1::2::3"`, `"12345::"`, "16909060", "0", "null", `"1.2.3.4/24"`, `"[::1]"`, `"1:2:3:4:5:6:7::"`, `"::0:0:0:0:0:0:1"`)
	case t.family.name == "IPv4":
		return `"` + v4 + `"`
	}
	return `"` + oneOf(g, v6, v6, strings.ToUpper(v6), v4) + `"`
}

func nullableDiffValue(g *diffGen, t *diffType, edge bool) string {
	if g.oneIn(4) {
		return "null"
	}
	return g.inner(t.args[0], edge)
}

func innerDiffValue(g *diffGen, t *diffType, edge bool) string { return g.inner(t.args[0], edge) }

// space is what may stand between the parts of a value.
func (g *diffGen) space() string {
	if !g.spaced {
		return ""
	}
	return oneOf(g, "", "", " ", "  ", "\t", "\n", "\r\n")
}

func (g *diffGen) list(items []string) string {
	return "[" + g.space() + strings.Join(items, g.space()+","+g.space()) + g.space() + "]"
}

func (g *diffGen) object(names, values []string) string {
	var parts []string
	for i, name := range names {
		parts = append(parts, g.jsonText(name)+g.space()+":"+g.space()+values[i])
	}
	return "{" + g.space() + strings.Join(parts, g.space()+","+g.space()) + g.space() + "}"
}

func arrayDiffValue(g *diffGen, t *diffType, edge bool) string {
	return g.list(some(oneOf(g, 0, 1, 2, 3, g.IntN(6)), func() string { return g.inner(t.args[0], edge && g.oneIn(2)) }))
}

func tupleDiffValue(g *diffGen, t *diffType, edge bool) string {
	var values []string
	for _, arg := range t.args {
		values = append(values, g.inner(arg, edge && g.oneIn(2)))
	}
	names := slices.Clone(t.names)
	if names == nil || g.oneIn(4) {
		if edge && g.oneIn(6) {
			values = oneOf(g, values[1:], append(values, "1"), []string{})
		}
		return g.list(values)
	}
	g.Shuffle(len(names), func(i, j int) {
		names[i], names[j] = names[j], names[i]
		values[i], values[j] = values[j], values[i]
	})
	if edge && g.oneIn(4) {
		return oneOf(g, g.object(names[1:], values[1:]), g.object(append(names, "stranger"), append(values, "1")), g.object(append(names, names[0]), append(values, values[0])))
	}
	return g.object(names, values)
}

func mapDiffValue(g *diffGen, t *diffType, edge bool) string {
	var names, values []string
	for range g.IntN(5) {
		key := g.inner(t.args[0], edge && g.oneIn(4))
		if n, err := diffParse([]byte(key)); err == nil {
			key = n.text
		}
		if slices.Contains(names, key) && !edge {
			continue
		}
		names = append(names, key)
		values = append(values, g.inner(t.args[1], edge && g.oneIn(2)))
	}
	if edge && g.oneIn(6) && len(names) > 0 {
		names, values = append(names, names[0]), append(values, values[0])
	}
	return g.object(names, values)
}

func variantDiffValue(g *diffGen, t *diffType, edge bool) string {
	if g.oneIn(8) {
		return "null"
	}
	return g.inner(oneOf(g, t.args...), edge)
}

func dynamicDiffValue(g *diffGen, _ *diffType, edge bool) string {
	if edge {
		return oneOf(g, append(slices.Clone(diffWild), floatLimits...)...)
	}
	return oneOf(g, "null", "true", "false", strconv.FormatInt(int64(g.Uint64()), 10), strconv.FormatFloat(g.NormFloat64(), 'g', -1, 64), g.jsonText(g.text()))
}

func jsonDiffValue(g *diffGen, _ *diffType, edge bool) string {
	if edge && g.oneIn(2) {
		return oneOf(g, "{}", `{"a":null}`, `{"a":{}}`, `{"a":[]}`, `{"a":[1,"x",null,{"b":1}]}`, `{"a.b":1}`, `{"a":{"b":1},"a.b":2}`, `{"a":1,"a":2}`, `{"":1}`, `{"a":{"":{}}}`, `{"a":1e400}`, `{"a":18446744073709551616}`, `{"a":-0}`,
			`{"a":"2026-11-23"}`, `{"a":"2026-11-23 10:00:00"}`, `{"a":[[1],[]]}`, `{"a":"x"}`, `[]`, "1", `"x"`, `"{}"`, "null", `{"A":1,"a":2}`, `{"b":[{"c":1},{"c":"x","d":[{}]}]}`, `{"a":1.0}`, `{"a":"\u0000"}`, `{"e":{"f":{"g":{"h":1}}}}`)
	}
	var names, values []string
	for _, name := range []string{"a", "b", "Long Name", "é", "c"}[:g.IntN(6)] {
		names = append(names, name)
		values = append(values, oneOf(g, dynamicDiffValue(g, nil, false), strconv.Itoa(g.IntN(1000)), `{"x":`+strconv.Itoa(g.IntN(9))+`}`, `[1,2]`, `["x"]`))
	}
	return g.object(names, values)
}
