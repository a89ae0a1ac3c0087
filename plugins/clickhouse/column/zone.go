package column

import "time"

// zone turns local times of one time zone into instants as ClickHouse does. It
// keeps the last day, since the times of a stream tend to be of one. It is not
// safe for concurrent use.
type zone struct {
	loc   *time.Location
	basic bool // offsets without a colon are taken
	known bool
	day   int64
	local localDay
}

// localDay is what ClickHouse keeps of a day in a time zone: when it begins, and
// the change of the clocks on it, if there is one. From that time of the day on,
// its length is subtracted. So a time that the change skips is the instant that
// it would be without the change, and of a time that happens twice, the earlier
// instant counts until the clock shows what it showed at the change.
type localDay struct {
	start    int64 // in seconds since 1970
	changeAt int64 // in seconds of the local day, before the change
	amount   int64
}

// instant returns the instant of a local time: days since 1970 and seconds.
func (z *zone) instant(day, clock int64) int64 {
	if z.loc == time.UTC {
		return day*86400 + clock
	}
	if !z.known || z.day != day {
		z.known, z.day, z.local = true, day, dayIn(z.loc, day)
	}
	if clock >= z.local.changeAt {
		clock -= z.local.amount
	}
	return z.local.start + clock
}

// change is a change of the clocks: at an instant, from one offset to another.
type change struct {
	at, before, after int64
}

// changesAround returns the changes of a zone from a day before to two days after
// an instant.
func changesAround(loc *time.Location, at int64) []change {
	var changes []change
	t := time.Unix(at-36*3600, 0).In(loc)
	for {
		_, end := t.ZoneBounds()
		if !end.IsZero() && !end.After(t) {
			// Where a zone goes by a rule, Go ends each year after 365 days: on the
			// last day of a leap year, the end is not ahead.
			end = t.Truncate(24 * time.Hour).Add(24 * time.Hour)
		}
		if end.IsZero() || end.Unix() > at+60*3600 {
			return changes
		}
		nameBefore, before := t.Zone()
		nameAfter, after := end.Zone()
		if before != after || nameBefore != nameAfter || t.IsDST() != end.IsDST() {
			changes = append(changes, change{end.Unix(), int64(before), int64(after)})
		}
		t = end
	}
}

// dayIn works out a day as ClickHouse does when it makes the table of a zone.
func dayIn(loc *time.Location, day int64) localDay {
	midnight := day * 86400
	changes := changesAround(loc, midnight)
	d := localDay{start: startOf(loc, midnight, changes)}
	for _, c := range changes {
		if c.at < d.start {
			continue
		}
		from, to := c.at+c.before, c.at+c.after
		if from != to && (floorDiv(from, 86400) == day || floorDiv(to, 86400) == day) {
			// It keeps both in quarters of an hour, and each in one byte.
			const quarter = 900
			d.changeAt = int64(uint8((from-midnight)/quarter)) * quarter
			d.amount = int64(int8((to-from)/quarter)) * quarter
		}
		break
	}
	return d
}

// startOf returns the instant at which a day begins whose midnight, were the zone
// UTC, is given. Where midnight happens twice, it is the second one if the change
// gives back a piece of the day before; where a change skips it, it is the instant
// without the change.
func startOf(loc *time.Location, midnight int64, changes []change) int64 {
	for _, c := range changes {
		from, to := c.at+c.before, c.at+c.after
		switch {
		case from <= midnight && midnight < to: // skipped
			return midnight - c.before
		case to < midnight && midnight < from: // twice
			return midnight - c.after
		case to == midnight && midnight < from:
			return midnight - c.before
		}
	}
	if len(changes) == 0 {
		_, o := time.Unix(midnight, 0).In(loc).Zone()
		return midnight - int64(o)
	}
	offset := changes[0].before
	for _, c := range changes {
		if c.at+max(c.before, c.after) <= midnight {
			offset = c.after
		}
	}
	return midnight - offset
}
