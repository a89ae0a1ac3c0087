package backpressure

// sourceList holds the sources that are not acknowledged yet, oldest first. It is
// not safe for concurrent use.
type sourceList struct{ oldest, newest *source }

// add appends a source, unless it is listed.
func (l *sourceList) add(s *source) {
	if s.listed {
		return
	}
	s.listed, s.before = true, l.newest
	if l.newest == nil {
		l.oldest = s
	} else {
		l.newest.after = s
	}
	l.newest = s
}

// remove takes a source out, if it is listed.
func (l *sourceList) remove(s *source) {
	if !s.listed {
		return
	}
	if s.before == nil {
		l.oldest = s.after
	} else {
		s.before.after = s.after
	}
	if s.after == nil {
		l.newest = s.before
	} else {
		s.after.before = s.before
	}
	s.listed, s.before, s.after = false, nil, nil
}

// since is when the oldest source arrived, in Unix nanoseconds; 0 when there is none.
func (l *sourceList) since() int64 {
	if l.oldest == nil {
		return 0
	}
	return l.oldest.at.UnixNano()
}
