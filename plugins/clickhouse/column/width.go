package column

// Width is how many bytes a row takes in the columns, about: an estimate from
// above, beside its texts and the elements of its arrays. It depends on the
// types alone.
func (s *Schema) Width() (bytes int) {
	for _, c := range s.Columns {
		bytes += widthOf(c.Type)
	}
	return bytes
}

func widthOf(columnType string) int {
	t, err := ParseType(columnType)
	if err != nil {
		return 32
	}
	switch t.name {
	case "Nullable":
		return 1 + widthOf(t.args[0])
	case "FixedString":
		n, _ := t.intArg(0)
		return n
	case "Tuple":
		width := 0
		for _, arg := range t.args {
			_, inner := elementOf(arg)
			width += widthOf(inner)
		}
		return width
	case "Variant", "Dynamic", "Int256", "UInt256", "Decimal", "Decimal256":
		return 32
	case "String", "JSON", "UUID", "IPv6", "Int128", "UInt128", "Decimal128":
		return 16
	}
	return 8
}
