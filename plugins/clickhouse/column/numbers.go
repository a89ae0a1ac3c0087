package column

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"unsafe"
)

func newSigned[T int8 | int16 | int32 | int64]() Column {
	width := int(unsafe.Sizeof(T(0))) * 8
	return newFixed(func(v *Value) (T, error) {
		d, err := v.decimal()
		if err != nil {
			return 0, err
		}
		n, err := d.signed(v.Raw, 0, width)
		return T(n), err
	})
}

func newUnsigned[T uint16 | uint32 | uint64]() Column {
	width := int(unsafe.Sizeof(T(0))) * 8
	return newFixed(func(v *Value) (T, error) {
		d, err := v.decimal()
		if err != nil {
			return 0, err
		}
		n, err := d.unsigned(v.Raw, width)
		return T(n), err
	})
}

// parseByte reads a UInt8. It takes true and false as 1 and 0 as well, since
// servers without a Bool type keep them there.
func parseByte(v *Value) (uint8, error) {
	switch v.Kind {
	case KindTrue:
		return 1, nil
	case KindFalse:
		return 0, nil
	}
	d, err := v.decimal()
	if err != nil {
		return 0, err
	}
	n, err := d.unsigned(v.Raw, 8)
	return uint8(n), err
}

// boolReader reads a Bool, and with numbers set 0 and 1 too.
func boolReader(numbers bool) func(v *Value) (uint8, error) {
	return func(v *Value) (uint8, error) {
		switch {
		case v.Kind == KindTrue:
			return 1, nil
		case v.Kind == KindFalse:
			return 0, nil
		case (v.Kind == KindNumber || v.Kind == KindFloat) && numbers:
			n, err := v.Uint64()
			if err == nil && n > 1 {
				err = ErrRange
			}
			return uint8(n), err //nolint:gosec // 0 or 1
		}
		return 0, WrongKind(v, "true or false")
	}
}

func parseWideInt[T [16]byte | [32]byte](signed bool) func(*Value) (T, error) {
	return func(v *Value) (T, error) {
		var n T
		d, err := v.decimal()
		if err != nil {
			return n, err
		}
		err = d.putInto(v.Raw, signed, rawBytes(unsafe.Slice(&n, 1)))
		return n, err
	}
}

func parseFloat64Value(v *Value) (float64, error) {
	if f, ok := specialFloat(v); ok {
		return f, nil
	}
	return v.float64()
}

func parseFloat32Value(v *Value) (float32, error) {
	if f, ok := specialFloat(v); ok {
		return float32(f), nil
	}
	text, err := v.number()
	if err != nil {
		return 0, err
	}
	return parseFloat32(text)
}

// quietNaN is the NaN that ClickHouse reads from a text. Its bits matter: GROUP BY,
// DISTINCT and joins tell NaNs with other bits apart, as that of math.NaN has.
var quietNaN = math.Float64frombits(0x7ff8000000000000)

// specialFloat reads the strings that stand for what JSON has no number for.
func specialFloat(v *Value) (float64, bool) {
	if v.Kind != KindString {
		return 0, false
	}
	switch text := v.plain(); {
	case equalFold(text, "nan"):
		return quietNaN, true
	case equalFold(text, "inf"), equalFold(text, "+inf"):
		return math.Inf(1), true
	case equalFold(text, "-inf"):
		return math.Inf(-1), true
	}
	return 0, false
}

func equalFold(b []byte, s string) bool { return len(b) == len(s) && strings.EqualFold(str(b), s) }

// newDecimal returns the Column of Decimal(P, S) or DecimalN(S). A number
// must fit exactly: neither more fraction digits than S nor more digits than P.
func newDecimal(t Type) (Column, error) {
	var precision, scaleArg int
	switch t.Name {
	case "Decimal32":
		precision = 9
	case "Decimal64":
		precision = 18
	case "Decimal128":
		precision = 38
	case "Decimal256":
		precision = 76
	default:
		p, err := t.intArg(0)
		if err != nil {
			return nil, err
		}
		precision, scaleArg = p, 1
	}
	scale, err := t.intArg(scaleArg)
	if err != nil {
		return nil, err
	}
	return decimalOf(precision, scale)
}

func decimalOf(precision, scale int) (Column, error) {
	switch {
	case precision < 1 || precision > 76 || scale < 0 || scale > precision:
		return nil, fmt.Errorf("type Decimal(%d, %d) is not understood", precision, scale)
	case precision <= 9:
		return smallDecimal[int32](precision, scale), nil
	case precision <= 18:
		return smallDecimal[int64](precision, scale), nil
	case precision <= 38:
		return wideDecimal[[16]byte](precision, scale), nil
	}
	return wideDecimal[[32]byte](precision, scale), nil
}

func smallDecimal[T int32 | int64](precision, scale int) Column {
	limit := pow10[precision]
	return newFixed(func(v *Value) (T, error) {
		d, err := v.decimal()
		if err != nil {
			return 0, err
		}
		n, wide, err := d.scaled(v.Raw, scale)
		switch {
		case err != nil:
			return 0, err
		case wide != nil && wide.IsUint64():
			n = wide.Uint64()
		case wide != nil:
			return 0, ErrRange
		}
		if n >= limit {
			return 0, ErrRange
		}
		if d.negative {
			return -T(n), nil
		}
		return T(n), nil
	})
}

func wideDecimal[T [16]byte | [32]byte](precision, scale int) Column {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
	return newFixed(func(v *Value) (n T, err error) {
		d, err := v.decimal()
		if err != nil {
			return n, err
		}
		small, wide, err := d.scaled(v.Raw, scale)
		switch {
		case err != nil:
			return n, err
		case wide == nil && precision < len(pow10) && small >= pow10[precision], wide != nil && wide.Cmp(limit) >= 0:
			return n, ErrRange
		case wide == nil:
			putSmall(d.negative, small, rawBytes(unsafe.Slice(&n, 1)))
			return n, nil
		case d.negative:
			wide.Neg(wide)
		}
		return n, putWide(wide, true, rawBytes(unsafe.Slice(&n, 1)))
	})
}
