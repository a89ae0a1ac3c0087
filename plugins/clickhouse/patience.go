package clickhouse

import (
	"context"
	"regexp"
	"time"
)

// patience keeps an error that lasts from being told again and again: the host
// logs whatever Connect returns, and calls it again at once.
type patience struct {
	last string // the error that was returned, without numbers
}

// firstPoll and longestPoll are how long to wait between two attempts that
// nobody is told of.
const (
	firstPoll   = time.Second
	longestPoll = 10 * time.Second
)

// numbers are what differs in one error from time to time, such as ports.
var numbers = regexp.MustCompile(`\d+`)

// try calls attempt, and again for as long as it fails in the way that was told
// last, but for no longer than repeatEvery and than ctx.
func (p *patience) try(ctx context.Context, attempt func(context.Context) error) error {
	begun := time.Now()
	for wait := firstPoll; ; wait = min(2*wait, longestPoll) {
		err := attempt(ctx)
		if err == nil {
			p.last = ""
			return nil
		}
		if told := numbers.ReplaceAllString(err.Error(), ""); told != p.last || time.Since(begun) >= repeatEvery {
			p.last = told
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}
