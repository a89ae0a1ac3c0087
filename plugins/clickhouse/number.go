package clickhouse

import (
	"errors"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"unsafe"
)

var (
	errNotANumber = errors.New("not a number")
	errRange      = errors.New("out of range")
	errPrecision  = errors.New("loses precision")
)

// maxExponent bounds the powers of ten that are worked out: no column holds
// more digits than Int256.
const maxExponent = 100

var pow10 = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// decimalText is a number taken apart: digits × 10^exp. Numbers whose digits
// do not fit 64 bits are big.
type decimalText struct {
	mantissa uint64
	exp      int
	negative bool
	big      bool
}

// safeDigits is how many decimal digits always fit 64 bits.
const safeDigits = 19

// takeApart reads the text of a JSON number.
func takeApart(b []byte) (d decimalText) {
	i := 0
	if b[0] == '-' {
		d.negative = true
		i = 1
	}
	start, point := i, -1
	for ; i < len(b); i++ {
		c := b[i] - '0'
		if c <= 9 {
			d.mantissa = d.mantissa*10 + uint64(c)
			continue
		}
		if b[i] != '.' {
			break
		}
		point = i
	}
	count := i - start
	if point >= 0 {
		d.exp = point + 1 - i
		count--
	}
	if count > safeDigits {
		d.recount(b[start:i])
	}
	if i < len(b) {
		d.exp += exponent(b[i+1:])
	}
	return d
}

// recount reads many digits again, with a look at overflow.
func (d *decimalText) recount(b []byte) {
	d.mantissa = 0
	for _, c := range b {
		if c == '.' {
			continue
		}
		hi, lo := bits.Mul64(d.mantissa, 10)
		sum, carry := bits.Add64(lo, uint64(c-'0'), 0)
		d.big = d.big || hi != 0 || carry != 0
		d.mantissa = sum
	}
}

// exponent reads what follows the e of a number; beyond what an int32 holds
// the exact value does not matter.
func exponent(b []byte) int {
	e, err := strconv.ParseInt(str(b), 10, 32)
	if err == nil || e != 0 { // out of range gives the nearest
		return int(e)
	}
	return 0
}

func str(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// parseScaled returns number × 10^scale as sign and magnitude, exactly. When
// the magnitude needs more than 64 bits it is in wide.
func parseScaled(text []byte, scale int) (negative bool, small uint64, wide *big.Int, err error) {
	d := takeApart(text)
	exp := d.exp + scale
	switch {
	case d.big:
	case d.mantissa == 0 || exp == 0:
		return d.negative, d.mantissa, nil, nil
	case exp > 0 && exp < len(pow10):
		if hi, lo := bits.Mul64(d.mantissa, pow10[exp]); hi == 0 {
			return d.negative, lo, nil, nil
		}
	case exp < 0 && -exp < len(pow10):
		if q, r := d.mantissa/pow10[-exp], d.mantissa%pow10[-exp]; r == 0 {
			return d.negative, q, nil, nil
		}
		return false, 0, nil, errPrecision
	case exp < 0:
		return false, 0, nil, errPrecision
	}
	wide, err = scaleBig(text, exp)
	return d.negative, 0, wide, err
}

// scaleBig is the slow way, for numbers of more than 64 bits.
func scaleBig(text []byte, exp int) (*big.Int, error) {
	digits := make([]byte, 0, len(text))
	for _, c := range text {
		if c|0x20 == 'e' {
			break
		}
		if c-'0' <= 9 {
			digits = append(digits, c)
		}
	}
	for exp < 0 { // drop zeros, not digits
		last := len(digits) - 1
		if last < 0 || digits[last] != '0' {
			return nil, errPrecision
		}
		digits, exp = digits[:last], exp+1
	}
	if exp > maxExponent || len(digits) > 4*maxExponent {
		return nil, errRange
	}
	n, ok := new(big.Int).SetString(string(digits), 10)
	if !ok {
		return nil, errPrecision
	}
	return n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exp)), nil)), nil
}

// parseSigned returns number × 10^scale as a signed integer of the given
// width.
func parseSigned(text []byte, scale, width int) (int64, error) {
	negative, n, wide, err := parseScaled(text, scale)
	if err != nil {
		return 0, err
	}
	limit := uint64(1) << (width - 1)
	switch {
	case wide != nil && (!wide.IsUint64() || wide.Uint64() > limit):
		return 0, errRange
	case wide != nil:
		n = wide.Uint64()
	}
	if negative && n <= limit {
		return -int64(n), nil // the smallest value wraps to itself
	}
	if negative || n >= limit {
		return 0, errRange
	}
	return int64(n), nil
}

// parseUnsigned returns a number as an unsigned integer of the given width.
func parseUnsigned(text []byte, width int) (uint64, error) {
	negative, n, wide, err := parseScaled(text, 0)
	if err != nil {
		return 0, err
	}
	if wide != nil {
		if !wide.IsUint64() {
			return 0, errRange
		}
		n = wide.Uint64()
	}
	if negative && n != 0 || n > math.MaxUint64>>(64-width) {
		return 0, errRange
	}
	return n, nil
}

// parseWide returns number × 10^scale in two's complement, little endian, in
// dst.
func parseWide(text []byte, scale int, signed bool, dst []byte) error {
	negative, n, wide, err := parseScaled(text, scale)
	if err != nil {
		return err
	}
	if wide == nil {
		wide = new(big.Int).SetUint64(n)
	}
	if negative {
		wide.Neg(wide)
	}
	return putWide(wide, signed, dst)
}

func putWide(n *big.Int, signed bool, dst []byte) error {
	width := len(dst) * 8
	used := n.BitLen()
	if n.Sign() < 0 {
		used = new(big.Int).Not(n).BitLen() // two's complement: -128 has 7 bits and a sign
	}
	if signed && used >= width || !signed && (n.Sign() < 0 || used > width) {
		return errRange
	}
	if n.Sign() < 0 {
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(width)))
	}
	n.FillBytes(dst)
	for i, j := 0, len(dst)-1; i < j; i, j = i+1, j-1 {
		dst[i], dst[j] = dst[j], dst[i]
	}
	return nil
}

// floatPow10 are the powers of ten that a float64 holds exactly.
var floatPow10 = [...]float64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// parseFloat64 returns the float64 nearest to a number. When digits and power
// of ten are both exact floats one operation rounds correctly; otherwise the
// standard library does it.
func parseFloat64(text []byte) (float64, error) {
	d := takeApart(text)
	if !d.big && d.mantissa < 1<<53 && d.exp > -len(floatPow10) && d.exp < len(floatPow10) {
		f := float64(d.mantissa)
		if d.exp < 0 {
			f /= floatPow10[-d.exp]
		} else {
			f *= floatPow10[d.exp]
		}
		if d.negative {
			f = -f
		}
		return f, nil
	}
	f, err := strconv.ParseFloat(str(text), 64)
	if err != nil {
		return 0, errRange
	}
	return f, nil
}

func parseFloat32(text []byte) (float32, error) {
	f, err := strconv.ParseFloat(str(text), 32)
	if err != nil {
		return 0, errRange
	}
	return float32(f), nil
}
