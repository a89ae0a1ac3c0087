package clickhouse

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"unsafe"
)

func newSigned[T int8 | int16 | int32 | int64]() builder {
	width := int(unsafe.Sizeof(T(0))) * 8
	return newFixed(func(v *value) (T, error) {
		d, err := v.decimal()
		if err != nil {
			return 0, err
		}
		n, err := d.signed(v.raw, 0, width)
		return T(n), err
	})
}

func newUnsigned[T uint16 | uint32 | uint64]() builder {
	width := int(unsafe.Sizeof(T(0))) * 8
	return newFixed(func(v *value) (T, error) {
		d, err := v.decimal()
		if err != nil {
			return 0, err
		}
		n, err := d.unsigned(v.raw, width)
		return T(n), err
	})
}

// parseByte reads a UInt8. It takes true and false as 1 and 0 as well, since
// servers without a Bool type keep them there.
func parseByte(v *value) (uint8, error) {
	switch v.kind {
	case kindTrue:
		return 1, nil
	case kindFalse:
		return 0, nil
	}
	d, err := v.decimal()
	if err != nil {
		return 0, err
	}
	n, err := d.unsigned(v.raw, 8)
	return uint8(n), err
}

func parseBool(v *value) (uint8, error) {
	switch v.kind {
	case kindTrue:
		return 1, nil
	case kindFalse:
		return 0, nil
	}
	return 0, wrongKind(v, "true or false")
}

func parseWideInt[T [16]byte | [32]byte](signed bool) func(*value) (T, error) {
	return func(v *value) (T, error) {
		var n T
		d, err := v.decimal()
		if err != nil {
			return n, err
		}
		err = d.putInto(v.raw, signed, rawBytes(unsafe.Slice(&n, 1)))
		return n, err
	}
}

func parseFloat64Value(v *value) (float64, error) {
	if f, ok := specialFloat(v); ok {
		return f, nil
	}
	d, err := v.decimal()
	if err != nil {
		return 0, err
	}
	return d.float64(v.raw)
}

func parseFloat32Value(v *value) (float32, error) {
	if f, ok := specialFloat(v); ok {
		return float32(f), nil
	}
	text, err := v.number()
	if err != nil {
		return 0, err
	}
	return parseFloat32(text)
}

// specialFloat reads the strings that stand for what JSON has no number for.
func specialFloat(v *value) (float64, bool) {
	if v.kind != kindString {
		return 0, false
	}
	switch {
	case equalFold(v.raw, "nan"):
		return math.NaN(), true
	case equalFold(v.raw, "inf"), equalFold(v.raw, "+inf"):
		return math.Inf(1), true
	case equalFold(v.raw, "-inf"):
		return math.Inf(-1), true
	}
	return 0, false
}

func equalFold(b []byte, s string) bool { return len(b) == len(s) && strings.EqualFold(str(b), s) }

// newDecimal returns the builder of Decimal(P, S) or DecimalN(S). A number
// must fit exactly: neither more fraction digits than S nor more digits than P.
func newDecimal(t typeName) (builder, error) {
	var precision, scaleArg int
	switch t.name {
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

func decimalOf(precision, scale int) (builder, error) {
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

func smallDecimal[T int32 | int64](precision, scale int) builder {
	limit := pow10[precision]
	return newFixed(func(v *value) (T, error) {
		d, err := v.decimal()
		if err != nil {
			return 0, err
		}
		n, wide, err := d.scaled(v.raw, scale)
		switch {
		case err != nil:
			return 0, err
		case wide != nil && wide.IsUint64():
			n = wide.Uint64()
		case wide != nil:
			return 0, errRange
		}
		if n >= limit {
			return 0, errRange
		}
		if d.negative {
			return -T(n), nil
		}
		return T(n), nil
	})
}

func wideDecimal[T [16]byte | [32]byte](precision, scale int) builder {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
	return newFixed(func(v *value) (n T, err error) {
		d, err := v.decimal()
		if err != nil {
			return n, err
		}
		small, wide, err := d.scaled(v.raw, scale)
		switch {
		case err != nil:
			return n, err
		case wide == nil && precision < len(pow10) && small >= pow10[precision], wide != nil && wide.Cmp(limit) >= 0:
			return n, errRange
		case wide == nil:
			putSmall(d.negative, small, rawBytes(unsafe.Slice(&n, 1)))
			return n, nil
		case d.negative:
			wide.Neg(wide)
		}
		return n, putWide(wide, true, rawBytes(unsafe.Slice(&n, 1)))
	})
}
