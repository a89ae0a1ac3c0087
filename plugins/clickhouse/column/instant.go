package column

// instant is a point in time: seconds since 1970 and nanoseconds, which are
// never negative.
type instant struct {
	sec  int64
	nano int64
	// finer: digits beyond nanoseconds were given and are not zero.
	finer bool
}

// parseInstant reads a time in one of the accepted forms. A text without a
// zone is local time in z.
func parseInstant(b []byte, z *zone) (instant, error) {
	days, ok := parseDay(b)
	if !ok {
		return instant{}, ErrNotATime
	}
	if len(b) == 10 {
		return instant{sec: z.instant(days, 0)}, nil
	}
	if b[10] != 'T' && b[10] != ' ' && b[10] != 't' {
		return instant{}, ErrNotATime
	}
	clock, ok := parseClock(b[11:])
	if !ok {
		return instant{}, ErrNotATime
	}
	var at instant
	rest, ok := at.fraction(b[19:])
	if !ok {
		return instant{}, ErrNotATime
	}
	if len(rest) == 0 {
		at.sec = z.instant(days, clock)
		return at, nil
	}
	offset, ok := parseOffset(rest, z.basic)
	if !ok {
		return instant{}, ErrNotATime
	}
	at.sec = days*86400 + clock - offset
	return at, nil
}

// fraction reads ".123456789" and returns what follows it.
func (at *instant) fraction(b []byte) (rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '.' {
		return b, true
	}
	end := digits(b, 1)
	for _, c := range b[1:min(end, 10)] {
		at.nano = at.nano*10 + int64(c-'0')
	}
	for i := end; i < 10; i++ {
		at.nano *= 10
	}
	for i := 10; i < end; i++ {
		at.finer = at.finer || b[i] != '0'
	}
	return b[end:], end > 1
}

// parseDay reads "2006-01-02" as days since 1970.
func parseDay(b []byte) (int64, bool) {
	if len(b) < 10 || b[4] != '-' || b[7] != '-' {
		return 0, false
	}
	hi, ok1 := two(b)
	lo, ok2 := two(b[2:])
	month, ok3 := two(b[5:])
	day, ok4 := two(b[8:])
	year := hi*100 + lo
	if !ok1 || !ok2 || !ok3 || !ok4 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	return daysSinceEpoch(year, month, day), true
}

// parseClock reads "15:04:05" as seconds.
func parseClock(b []byte) (int64, bool) {
	if len(b) < 8 || b[2] != ':' || b[5] != ':' {
		return 0, false
	}
	h, ok1 := two(b)
	m, ok2 := two(b[3:])
	s, ok3 := two(b[6:])
	return h*3600 + m*60 + s, ok1 && ok2 && ok3 && h < 24 && m < 60 && s < 60
}

// parseOffset reads "Z" or "+01:00", and the basic forms "+0100" and "+01", as
// seconds east of UTC.
func parseOffset(b []byte, basic bool) (int64, bool) {
	if len(b) == 1 {
		return 0, b[0]|0x20 == 'z'
	}
	if basic && (len(b) == 5 || len(b) == 3) {
		b = append(append(b[:3:3], ':'), append(b[3:len(b):len(b)], "00"...)...)[:6]
	}
	if len(b) != 6 || b[3] != ':' || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	h, ok1 := two(b[1:])
	m, ok2 := two(b[4:])
	offset := h*3600 + m*60
	if b[0] == '-' {
		offset = -offset
	}
	return offset, ok1 && ok2 && h < 24 && m < 60
}

func two(b []byte) (int64, bool) {
	hi, lo := b[0]-'0', b[1]-'0'
	return int64(hi)*10 + int64(lo), hi <= 9 && lo <= 9
}

func daysIn(year, month int64) int64 {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSinceEpoch counts in years that begin in March, so that the leap day
// comes last; 719468 is the number of days from March 0000 to 1970.
func daysSinceEpoch(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	if year < 0 {
		era--
	}
	y := year - era*400
	return era*146097 + y*365 + y/4 - y/100 + (153*(month-3)+2)/5 + day - 1 - 719468
}

// epoch reads d, of the text given, as units (10^-digits seconds) since 1970.
func (d *decimal) epoch(text []byte, digits int) (instant, error) {
	nanos, wide, err := d.scaled(text, 9-digits)
	if err != nil {
		return instant{}, err
	}
	if wide != nil {
		return instant{}, ErrRange
	}
	at := instant{sec: int64(nanos / 1e9), nano: int64(nanos % 1e9)}
	if d.negative {
		at.sec, at.nano = -at.sec, -at.nano
		if at.nano < 0 {
			at.sec, at.nano = at.sec-1, at.nano+1e9
		}
	}
	return at, nil
}

// ticks returns the instant in units of 10^-precision seconds.
func (at instant) ticks(precision int, truncate bool) (int64, error) {
	unit := int64(pow10[9-precision])
	if (at.finer || at.nano%unit != 0) && !truncate {
		return 0, ErrPrecision
	}
	return at.sec*int64(pow10[precision]) + at.nano/unit, nil
}
