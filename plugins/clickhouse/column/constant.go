package column

import "strings"

// constantCalls are functions that give the same for the same arguments, in every
// row and at every time.
var constantCalls = map[string]bool{
	"CAST": true, "_CAST": true, "array": true, "tuple": true, "map": true, "negate": true,
	"toString": true, "toFixedString": true, "toDate": true, "toDate32": true, "toDateTime": true, "toDateTime64": true, "toUUID": true, "toIPv4": true, "toIPv6": true,
	"toInt8": true, "toInt16": true, "toInt32": true, "toInt64": true, "toInt128": true, "toInt256": true,
	"toUInt8": true, "toUInt16": true, "toUInt32": true, "toUInt64": true, "toUInt128": true, "toUInt256": true,
	"toFloat32": true, "toFloat64": true, "toDecimal32": true, "toDecimal64": true, "toDecimal128": true, "toDecimal256": true,
}

// IsConstant reports whether a DEFAULT expression, as the server prints it, is
// surely the same for every row: it consists of literals, and of calls that turn
// them into other types. What is not understood is none.
func IsConstant(expression string) bool {
	e := typeParser{text: expression}
	return e.constant(0) && e.next() == 0
}

// constant steps over a constant, and reports whether there was one.
func (p *typeParser) constant(depth int) bool {
	switch c := p.next(); {
	case depth > deepestType:
		return false
	case c == '\'':
		_, err := p.quoted()
		return err == nil
	case c == '-' || c-'0' <= 9:
		_, err := p.number()
		return err == nil
	case c == '[':
		p.pos++
		return p.constants(']', depth)
	case c == '(':
		p.pos++
		return p.constants(')', depth)
	}
	word := p.word()
	if p.next() != '(' {
		switch strings.ToLower(word) {
		case "null", "true", "false", "nan", "inf":
			return true
		}
		return false
	}
	p.pos++
	return constantCalls[word] && p.constants(')', depth)
}

// constants steps over the rest of a list of constants.
func (p *typeParser) constants(closing byte, depth int) bool {
	if p.next() == closing {
		p.pos++
		return true
	}
	for p.constant(depth + 1) {
		switch p.next() {
		case ',':
			p.pos++
		case closing:
			p.pos++
			return true
		default:
			return false
		}
	}
	return false
}
