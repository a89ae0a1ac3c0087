package column

import "strconv"

// Width is how many bytes a row takes in the columns, about: an estimate from
// above, beside its texts and the elements of its arrays. It depends on the
// types alone.
func (s *Schema) Width() (bytes int) {
	for _, c := range s.Columns {
		if t, err := ParseType(c.Type); err == nil {
			bytes += t.width()
		}
		if c.HasDefault {
			bytes++ // of a flag: see Block.Given
		}
	}
	return bytes
}

func (t Type) width() int {
	switch t.Name {
	case "Nullable", "SimpleAggregateFunction", "Tuple":
		width := 1
		for _, arg := range t.Args {
			if arg.Type != nil {
				width += arg.Type.width()
			}
		}
		return width
	case "FixedString":
		if len(t.Args) == 1 {
			n, _ := strconv.Atoi(t.Args[0].Text)
			return n
		}
	case "Variant", "Dynamic", "Int256", "UInt256", "Decimal", "Decimal256":
		return 32
	case "String", "JSON", "UUID", "IPv6", "Int128", "UInt128", "Decimal128":
		return 16
	}
	return 8
}
