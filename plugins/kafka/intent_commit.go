package kafka

import "time"

// What an intent is asked and told by who commits.

// announcing reports whether chunks wait for a commit before they can be delivered.
func (i *intent) announcing() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := len(i.waiting)
	return n > 0 && i.waiting[n-1].end.Offset > i.durable
}

// sayable reports whether there is something to commit, and it has rested.
func (i *intent) sayable(now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.standing == unsaid || i.standing == refused && !now.Before(i.until)
}

// unsettled reports whether there is something to commit, rested or not.
func (i *intent) unsettled() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.standing == unsaid || i.standing == refused
}

// apart reports whether it is committed by itself: it may be why others were refused.
func (i *intent) apart() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.alone
}

// rests returns when a refused commit is sent again.
func (i *intent) rests() (until time.Time, resting bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.until, i.standing == refused
}

// say returns what to commit, which is on its way from now on. One of the three below
// follows.
func (i *intent) say() announcement {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.standing, i.changed, i.sending = sent, false, i.said.last()
	return i.said.clone()
}

// taken says that the brokers have the commit. It reports whether that ends a fault.
func (i *intent) taken() (cured bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.durable = max(i.durable, i.sending)
	cured = i.fault != nil
	i.fault, i.alone, i.rest = nil, false, 0
	i.after(quiet)
	return cured
}

// refuse says that the brokers answered with an error that concerns this partition. It
// rests, the longer the more often that happens.
func (i *intent) refuse(err error, now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fault = err
	i.rest = min(max(2*i.rest, refusedInitial), refusedMax)
	i.until = now.Add(i.rest)
	i.after(refused)
}

// part says that the brokers refused the commits of several partitions, and that it is
// not known for which one's sake: this one is committed by itself until it is taken.
func (i *intent) part() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.alone = true
	i.after(unsaid)
}

// unanswered says that the commit was not sent, or that nobody knows what became of it.
func (i *intent) unanswered(now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fault == nil {
		i.after(unsaid)
		return
	}
	i.until = now.Add(i.rest)
	i.after(refused)
}

// inherit takes over from the intent of the same partition before its log went back what
// is known of the brokers: they refused the last commit.
func (i *intent) inherit(from *intent) {
	i.mu.Lock()
	defer i.mu.Unlock()
	from.mu.Lock()
	defer from.mu.Unlock()
	i.fault, i.alone, i.rest = from.fault, from.alone, from.rest
}

// after says how it stands when a commit is no longer on its way.
func (i *intent) after(next standing) {
	switch {
	case i.standing != sent: // annulled meanwhile
	case next == quiet && i.changed:
		i.standing = unsaid
	default:
		i.standing = next
	}
}
