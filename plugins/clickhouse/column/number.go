package column

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"unsafe"
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

// decimal is a number taken apart: mantissa × 10^exp. The mantissa of a big
// one does not fit 64 bits and is only in the text.
type decimal struct {
	mantissa uint64
	exp      int
	digits   int // how many there are, with leading and trailing zeros
	negative bool
	big      bool
}

// safeDigits is how many decimal digits always fit 64 bits.
const safeDigits = 19

// read reads the JSON number that b starts with and returns its length, 0 if
// there is none.
func (d *decimal) read(b []byte) int {
	*d = decimal{}
	i := 0
	if len(b) > 0 && b[0] == '-' {
		d.negative = true
		i = 1
	}
	start := i
	i = d.run(b, i)
	whole := i - start
	if whole == 0 || b[start] == '0' && whole > 1 {
		return 0
	}
	d.digits = whole
	if i < len(b) && b[i] == '.' {
		point := i + 1
		i = d.run(b, point)
		if i == point {
			return 0
		}
		d.exp = point - i
		d.digits += i - point
	}
	if d.digits > safeDigits {
		d.recount(b[start:i])
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		return d.readExponent(b, i+1)
	}
	return i
}

// run reads digits from i on into the mantissa and returns where they end.
func (d *decimal) run(b []byte, i int) int {
	m := d.mantissa
	for len(b)-i >= 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		if !eightDigits(w) {
			break
		}
		m = m*100_000_000 + parseEight(w)
		i += 8
	}
	for i < len(b) {
		c := b[i] - '0'
		if c > 9 {
			break
		}
		m = m*10 + uint64(c)
		i++
	}
	d.mantissa = m
	return i
}

// eightDigits reports whether all bytes of w are decimal digits.
func eightDigits(w uint64) bool {
	const highs = 0xf0f0f0f0f0f0f0f0
	return w&highs == 0x3030303030303030 && (w+0x0606060606060606)&highs == 0x3030303030303030
}

// parseEight returns the number that eight digits spell, the first of them in
// the lowest byte: neighbours are joined to pairs, pairs to fours, fours to it.
func parseEight(w uint64) uint64 {
	w -= 0x3030303030303030
	w = w*10 + w>>8
	const mask = 0x000000ff000000ff
	return ((w&mask)*(100+1_000_000<<32) + (w>>16&mask)*(1+10_000<<32)) >> 32
}

// readExponent reads what follows the e of a number; beyond what an int32
// holds the exact value does not matter.
func (d *decimal) readExponent(b []byte, i int) int {
	start := i
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		i++
	}
	end := digits(b, i)
	if end == i {
		return 0
	}
	e, _ := strconv.ParseInt(str(b[start:end]), 10, 32) // out of range gives the nearest
	d.exp += int(e)
	return end
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// recount reads many digits again, with a look at overflow.
func (d *decimal) recount(b []byte) {
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

func str(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// scaled returns the magnitude of d × 10^scale, exactly. When it needs more
// than 64 bits it is in wide, which is worked out from d's text.
func (d *decimal) scaled(text []byte, scale int) (small uint64, wide *big.Int, err error) {
	exp := d.exp + scale
	switch {
	case d.big:
	case d.mantissa == 0 || exp == 0:
		return d.mantissa, nil, nil
	case exp > 0 && exp < len(pow10):
		if hi, lo := bits.Mul64(d.mantissa, pow10[exp]); hi == 0 {
			return lo, nil, nil
		}
	case exp < 0 && -exp < len(pow10):
		if q, r := d.mantissa/pow10[-exp], d.mantissa%pow10[-exp]; r == 0 {
			return q, nil, nil
		}
		return 0, nil, ErrPrecision
	case exp < 0:
		return 0, nil, ErrPrecision
	}
	if !d.big && exp <= maxExponent {
		return 0, scaleUp(new(big.Int).SetUint64(d.mantissa), exp), nil
	}
	wide, err = scaleBig(text, exp)
	return 0, wide, err
}

// scaleUp multiplies n by a power of ten.
func scaleUp(n *big.Int, exp int) *big.Int {
	return n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exp)), nil))
}

// scaleBig is the slow way, for numbers whose digits do not fit 64 bits.
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
			return nil, ErrPrecision
		}
		digits, exp = digits[:last], exp+1
	}
	if exp > maxExponent || len(digits) > 4*maxExponent {
		return nil, ErrRange
	}
	n, ok := new(big.Int).SetString(string(digits), 10)
	if !ok {
		return nil, ErrPrecision
	}
	return scaleUp(n, exp), nil
}

// signed returns d × 10^scale as a signed integer of the given width.
func (d *decimal) signed(text []byte, scale, width int) (int64, error) {
	n, wide, err := d.scaled(text, scale)
	if err != nil {
		return 0, err
	}
	limit := uint64(1) << (width - 1)
	switch {
	case wide != nil && (!wide.IsUint64() || wide.Uint64() > limit):
		return 0, ErrRange
	case wide != nil:
		n = wide.Uint64()
	}
	if d.negative && n <= limit {
		return -int64(n), nil // the smallest value wraps to itself
	}
	if d.negative || n >= limit {
		return 0, ErrRange
	}
	return int64(n), nil
}

// unsigned returns d as an unsigned integer of the given width.
func (d *decimal) unsigned(text []byte, width int) (uint64, error) {
	n, wide, err := d.scaled(text, 0)
	if err != nil {
		return 0, err
	}
	if wide != nil {
		if !wide.IsUint64() {
			return 0, ErrRange
		}
		n = wide.Uint64()
	}
	if d.negative && n != 0 || n > math.MaxUint64>>(64-width) {
		return 0, ErrRange
	}
	return n, nil
}

// putInto writes d in two's complement, little endian, to dst.
func (d *decimal) putInto(text []byte, signed bool, dst []byte) error {
	n, wide, err := d.scaled(text, 0)
	switch {
	case err != nil:
		return err
	case wide == nil && d.negative && !signed && n != 0:
		return ErrRange
	case wide == nil:
		putSmall(d.negative, n, dst)
		return nil
	case d.negative:
		wide.Neg(wide)
	}
	return putWide(wide, signed, dst)
}

// putSmall is putWide for magnitudes of 64 bits, which always fit.
func putSmall(negative bool, n uint64, dst []byte) {
	rest := byte(0)
	if negative && n != 0 {
		n, rest = -n, 0xff
	}
	binary.LittleEndian.PutUint64(dst, n)
	for i := range dst[8:] {
		dst[8+i] = rest
	}
}

func putWide(n *big.Int, signed bool, dst []byte) error {
	width := len(dst) * 8
	used := n.BitLen()
	if n.Sign() < 0 {
		used = new(big.Int).Not(n).BitLen() // two's complement: -128 has 7 bits and a sign
	}
	if signed && used >= width || !signed && (n.Sign() < 0 || used > width) {
		return ErrRange
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

// float64 returns the float64 nearest to a number. When mantissa and power of ten
// are both exact floats one operation rounds correctly; otherwise the standard
// library does it.
func (v *Value) float64() (float64, error) {
	if v.Kind == KindFloat {
		return v.float, nil
	}
	d, err := v.decimal()
	if err != nil {
		return 0, err
	}
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
	f, err := strconv.ParseFloat(str(v.Literal()), 64)
	if err != nil {
		return 0, ErrRange
	}
	return f, nil
}

func parseFloat32(text []byte) (float32, error) {
	f, err := strconv.ParseFloat(str(text), 32)
	if err != nil {
		return 0, ErrRange
	}
	return float32(f), nil
}
