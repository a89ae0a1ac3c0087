package clickhouse

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// diffRules are the differences that are allowed: the deliberate ones, and the
// faults that are not mended yet.
var diffRules = []*diffRule{
	// The output takes what the engine refuses.
	{what: diffTaken, why: "an integer may be spelled with a fraction of zeros or an exponent, or as -0", is: anyField(func(t *diffType, in *diffNode) bool {
		return t.is("Int", "UInt", "Enum", "Time") && jsonNumber.MatchString(in.text) && (strings.ContainsAny(in.text, ".eE") || in.text == "-0")
	})},
	{what: diffTaken, why: "a time may be in the forms of RFC 3339 or a day, whatever the engine is set to", is: anyField(func(t *diffType, in *diffNode) bool {
		return t.is("DateTime", "DateTime64") && (in.isNumber() && strings.ContainsAny(in.text, ".eE") || in.isString() && !plainTime.MatchString(in.text))
	})},
	{what: diffTaken, why: "zero is zero whatever its exponent", is: anyField(func(t *diffType, in *diffNode) bool {
		return t.is("Decimal", "Float") && zeroWithExponent.MatchString(in.text)
	})},
	{what: diffTaken, why: "escapes in a string mean what they spell whatever the string is for", is: anyField(func(t *diffType, in *diffNode) bool {
		return in.escaped() && t.is("Int", "UInt", "Float", "BFloat16", "Decimal", "Date", "Date32", "DateTime", "DateTime64", "Time", "Time64", "UUID", "IPv4", "IPv6",
			"Dynamic") // in which the engine guesses at dates
	})},
	{what: diffTaken, why: "an IPv4 may be given as the IPv6 that maps it", is: anyField(func(t *diffType, in *diffNode) bool {
		return t.is("IPv4") && strings.Contains(in.text, ":")
	})},
	{what: diffTaken, why: "a Decimal may have zeros at its end", is: anyField(func(t *diffType, in *diffNode) bool {
		return t.is("Decimal") && strings.HasSuffix(strings.SplitN(strings.ToLower(in.text), "e", 2)[0], "0")
	})},
	{what: diffTaken, why: "a tuple with names may be given as an array", is: anyField(func(t *diffType, in *diffNode) bool {
		return t.is("Tuple") && t.names != nil && in.kind == '['
	})},
	{what: diffTaken, why: "a Decimal may be a part of a Variant's array, map or tuple", is: anyField(func(t *diffType, in *diffNode) bool {
		return t.is("Variant") && (in.kind == '[' || in.kind == '{') && slices.ContainsFunc(t.args, func(arg *diffType) bool {
			return !arg.is("Decimal") && arg.within("Decimal")
		})
	})},
	{what: diffTaken, why: "a tuple in a Variant may lack elements as any other", is: func(c *diffCase) bool {
		return anyField(func(t *diffType, in *diffNode) bool {
			return t.is("Tuple") && in.kind == '{' && len(in.items) < len(t.args)
		})(c) && c.schema.has("Variant")
	}},
	{what: diffTaken, why: "the engine matches names whatever their case", is: otherCase},

	// The rows are not the same.
	{what: diffUnequal, why: "the engine stores what it cannot read, the output the value", is: func(c *diffCase) bool {
		return c.column == nil
	}},
	{what: diffUnequal, why: "the engine did not keep the value, the output did", is: func(c *diffCase) bool {
		return c.in != nil && c.column.t.kept(c.in, c.engine[0].values[c.column.name]) != nil
	}},
	{what: diffUnequal, why: "an element of a tuple may be named with escapes, the engine leaves it out", is: leaf(func(t *diffType, in *diffNode) bool {
		return t.is("Tuple") && slices.ContainsFunc(in.keys, (*diffNode).escaped)
	})},
	{what: diffUnequal, why: "a Variant takes the first of its types that the JSON value's kind prefers", is: ofFamily("Variant")},
	{what: diffUnequal, why: "a Dynamic takes the type of the JSON value's kind, the engine guesses at dates and more", is: ofFamily("Dynamic")},
	{what: diffUnequal, why: "whether a path in a JSON holds dates or texts, and of what type an array is, depends on the rows before it in the insert", is: func(c *diffCase) bool {
		return c.column.t.within("JSON") && c.in != nil &&
			(c.ours[0].values[c.column.name].raw == c.engine[0].values[c.column.name].raw || dateInText.MatchString(c.in.raw))
	}},
	{what: diffUnequal, why: "the engine matches names whatever their case", is: otherCase},

	// The output refuses what the engine stores as it is.
	{what: diffRefused, why: "a String takes no numbers and booleans", is: leaf(func(t *diffType, in *diffNode) bool {
		return t.is("String") && (in.isNumber() || in.isBool())
	})},
	{what: diffRefused, why: "numbers other than UInt8 take no booleans", is: leaf(func(t *diffType, in *diffNode) bool {
		return t.is("Int", "UInt", "Float", "BFloat16", "Decimal") && t.text != "UInt8" && in.isBool()
	})},
	{what: diffRefused, why: "a string that is to be a number is spelled as JSON spells numbers", is: leaf(func(t *diffType, in *diffNode) bool {
		return t.is("Int", "UInt", "Float", "BFloat16", "Decimal") && in.isString() && !jsonNumber.MatchString(in.text)
	})},
	{what: diffRefused, why: "an Enum takes its numbers as numbers", is: leaf(func(t *diffType, in *diffNode) bool {
		return t.is("Enum") && in.isString() && jsonNumber.MatchString(strings.TrimLeft(in.text, "+"))
	})},
	{what: diffRefused, why: "a Dynamic takes neither arrays and objects nor numbers beyond Float64", is: leaf(func(t *diffType, in *diffNode) bool {
		return t.is("Dynamic") && (in.kind == '[' || in.kind == '{' || in.isNumber() && beyondFloat64(in.text))
	})},
	{what: diffRefused, why: "a field with the name of a flattened Nested is to be an array of objects", is: func(c *diffCase) bool {
		parent, _, _ := strings.Cut(c.letter[0].meta[metaColumn], ".")
		return c.schema.column(parent) == nil && c.record.node.member(parent) != nil
	}},
	{what: diffRefused, why: "an element of a tuple may be named with escapes, the engine leaves it out", is: func(c *diffCase) bool {
		return c.letter[0].meta[metaColumn] == "" && anyField(func(t *diffType, in *diffNode) bool { // what is in it, the server refuses
			return t.is("Tuple") && slices.ContainsFunc(in.keys, (*diffNode).escaped)
		})(c)
	}},
	{what: diffRefused, why: "a Bool takes true and false alone", is: leaf(func(t *diffType, in *diffNode) bool { return t.is("Bool") && !in.isBool() })},
	{what: diffRefused, why: "a UUID has its hyphens", is: leaf(func(t *diffType, in *diffNode) bool { return t.is("UUID") && len(in.text) != 36 })},
	{what: diffRefused, why: "times have the documented forms", is: leaf(func(t *diffType, in *diffNode) bool {
		return t.is("DateTime", "DateTime64") && in.isString() && !documentedTime.MatchString(in.text)
	})},
	{what: diffRefused, why: "a DateTime takes no fraction of a second, of a local time that does not exist either", is: leaf(func(t *diffType, in *diffNode) bool {
		return t.is("DateTime") && in.isString() && fraction.MatchString(in.text)
	})},
	{what: diffRefused, why: "a DateTime64 lies in the years 1900 to 2299, which ClickHouse documents", is: leaf(func(t *diffType, in *diffNode) bool {
		return t.is("DateTime64") && slices.ContainsFunc(t.instants(in.text), func(at time.Time) bool { return at.UTC().Year() < 1900 || at.UTC().Year() > 2299 })
	})},
	{what: diffRefused, why: "null is no JSON column's value, the engine stores an empty object", is: leaf(func(t *diffType, in *diffNode) bool { return t.is("JSON") && in.isNull() })},
	{what: diffRefused, why: "numbers are no DateTime64 as long as their unit is not known", is: leaf(func(t *diffType, in *diffNode) bool {
		return t.is("DateTime64") && in.isNumber()
	})},
	{what: diffRefused, why: "a time of the day has hours, minutes and seconds, and less than sixty of the latter two", is: leaf(func(t *diffType, in *diffNode) bool {
		return t.is("Time", "Time64") && in.isString() && !timeOfDay.MatchString(in.text)
	})},
	{what: diffRefused, why: "numbers are no Time64 as long as their unit is not known", is: leaf(func(t *diffType, in *diffNode) bool {
		return t.is("Time64") && in.isNumber()
	})},
	{what: diffRefused, why: "an EPHEMERAL column cannot be read back: its number is out of range or no number", is: func(c *diffCase) bool {
		return c.column != nil && c.in != nil && c.column.kind() == "EPHEMERAL" && !fitsUInt64(c.in)
	}},
}

var (
	jsonNumber       = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
	zeroWithExponent = regexp.MustCompile(`^-?0(\.0+)?[eE][-+]?[0-9]+$`)
	fraction         = regexp.MustCompile(`\.[0-9]*[1-9]`)
	dateInText       = regexp.MustCompile(`"\d{4}-\d{2}-\d{2}`)
	// documentedTime is a time in one of the forms that the output's documentation names.
	documentedTime = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}([ Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[-+]([01]\d|2[0-3]):[0-5]\d)?)?$`)
	timeOfDay      = regexp.MustCompile(`^-?\d{1,3}:[0-5]\d:[0-5]\d(\.\d+)?$`)
	plainTime      = regexp.MustCompile(`^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$`)
)

// is reports whether a type is of one of the families.
func (t *diffType) is(families ...string) bool { return slices.Contains(families, t.family.name) }

func ofFamily(name string) func(c *diffCase) bool {
	return func(c *diffCase) bool { return c.column.t.within(name) }
}

// otherCase: a field has the name of a column, but for its case.
func otherCase(c *diffCase) bool {
	for _, name := range c.record.node.names {
		for _, column := range append(c.schema.leaves(), &diffColumn{name: "id"}) {
			if name != column.name && strings.EqualFold(name, column.name) {
				return true
			}
		}
	}
	return false
}

func fitsUInt64(in *diffNode) bool {
	if !jsonNumber.MatchString(in.text) {
		return false
	}
	n, ok := exactly(in.text)
	return ok && n.IsInt() && n.Sign() >= 0 && n.Num().Cmp(new(big.Int).Lsh(big.NewInt(1), 64)) < 0
}

func beyondFloat64(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err != nil
}
