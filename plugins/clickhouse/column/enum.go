package column

import (
	"fmt"
	"strconv"
)

// enumValues are the names and numbers of an enum type.
type enumValues struct {
	byName   map[string]int16
	byNumber map[int16]bool
	least    int16 // what ClickHouse gives a missing value
}

func newEnum(t Type) (Column, error) {
	values, err := parseEnum(t)
	if err != nil {
		return nil, err
	}
	if t.Name == "Enum8" {
		return enumColumn[int8](values), nil
	}
	return enumColumn[int16](values), nil
}

func parseEnum(t Type) (*enumValues, error) {
	bits := 16
	if t.Name == "Enum8" {
		bits = 8
	}
	values := &enumValues{byName: map[string]int16{}, byNumber: map[int16]bool{}}
	for i, arg := range t.Args {
		n, err := strconv.ParseInt(arg.Text, 10, bits)
		if err != nil || !arg.Named || arg.Type != nil || arg.Quoted {
			return nil, fmt.Errorf("type %s: value %d is not understood", t, i+1)
		}
		values.byName[arg.Name] = int16(n)
		values.byNumber[int16(n)] = true
		if i == 0 || int16(n) < values.least {
			values.least = int16(n)
		}
	}
	if len(t.Args) == 0 {
		return nil, fmt.Errorf("type %s has no values", t)
	}
	return values, nil
}

func enumColumn[T int8 | int16](values *enumValues) Column {
	c := newFixed(func(v *Value) (T, error) {
		n, err := values.read(v)
		return T(n), err
	})
	c.blank = T(values.least)
	return c
}

func (e *enumValues) read(v *Value) (int16, error) {
	switch v.Kind {
	case KindString:
		if n, ok := e.byName[v.Text()]; ok {
			return n, nil
		}
		return 0, ErrNotEnum
	case KindNumber, KindFloat:
		n, err := v.Int64()
		if err != nil {
			return 0, err
		}
		if n != int64(int16(n)) {
			return 0, ErrRange
		}
		if !e.byNumber[int16(n)] {
			return 0, ErrNotEnum
		}
		return int16(n), nil
	}
	return 0, WrongKind(v, "a name or number of the enum")
}
