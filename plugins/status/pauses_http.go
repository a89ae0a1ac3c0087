package status

import (
	"slices"
	"time"
)

// pausesBody is the body of GET /pauses. Its words are an interface: keys may be
// added, none renamed.
type pausesBody struct {
	Pauses    []pauseBody `json:"pauses"` // oldest first
	Forgotten int64       `json:"forgotten"`
	Total     pausesTotal `json:"total"` // of those listed
}

type pauseBody struct {
	Stream    string           `json:"stream"`
	Reason    string           `json:"reason"`
	Input     *string          `json:"input"` // null when all inputs of the stream were paused
	Start     Time             `json:"start"`
	End       *Time            `json:"end"` // null while it lasts
	Seconds   Age              `json:"seconds"`
	PeakLevel int64            `json:"peak_level"`
	PeakBytes int64            `json:"peak_bytes"`
	Dropped   map[string]int64 `json:"dropped"`
}

type pausesTotal struct {
	Count   int   `json:"count"`
	Paused  Age   `json:"paused_seconds"` // with any pause: those that overlap count once
	Longest Age   `json:"longest_seconds"`
	Dropped int64 `json:"dropped"`
}

// pausesOf lists the pauses of the given boards.
func pausesOf(boards ...*Board) pausesBody {
	body := pausesBody{Pauses: []pauseBody{}}
	var all []Pause
	for _, b := range boards {
		pauses, forgotten := b.Pauses()
		all = append(all, pauses...)
		body.Forgotten += forgotten
	}
	slices.SortStableFunc(all, func(a, b Pause) int { return a.Start.Compare(b.Start) })
	now := time.Now()
	var end time.Time // of what has been counted as paused
	for _, p := range all {
		entry := entryOf(p, now)
		body.Pauses = append(body.Pauses, entry)
		body.Total.add(entry)
		begin, stop := p.Start, p.Start.Add(p.Length(now))
		if begin.Before(end) {
			begin = end
		}
		if stop.After(end) {
			body.Total.Paused += Age(stop.Sub(begin))
			end = stop
		}
	}
	return body
}

func entryOf(p Pause, now time.Time) pauseBody {
	entry := pauseBody{
		Stream: p.Stream, Reason: p.Reason, Start: Time(p.Start), End: latest(nil, p.End), Seconds: Age(p.Length(now)),
		PeakLevel: p.PeakLevel, PeakBytes: p.PeakBytes, Dropped: p.Dropped,
	}
	if p.Input != "" {
		entry.Input = &p.Input
	}
	return entry
}

func (t *pausesTotal) add(p pauseBody) {
	t.Count++
	t.Longest = max(t.Longest, p.Seconds)
	for _, n := range p.Dropped {
		t.Dropped += n
	}
}
