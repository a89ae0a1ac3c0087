package status

import "time"

// The states of a member of a consumer group.
const (
	// GroupJoining is a member that waits to be let in, as long as the group forms or
	// waits for a member that is gone.
	GroupJoining = "joining"
	// GroupMember is a member that has its share of the partitions, if only of none.
	GroupMember = "member"
	// GroupRebalancing is a member whose group shares the partitions out anew.
	GroupRebalancing = "rebalancing"
)

// Share is what an input reads of its source, where it shares that with others.
type Share struct {
	// Group is the state of the member, empty for an input that is in no group.
	Group string
	// Since is when it came into that state.
	Since time.Time
	// Partitions is how many are assigned to it.
	Partitions int64
}

// SetShare says what the input reads now, and returns that. Saying the same state
// again keeps its time.
func (in *Input) SetShare(group string, partitions int) *Share {
	for {
		before := in.share.Load()
		s := &Share{Group: group, Since: time.Now(), Partitions: int64(partitions)}
		if before != nil && before.Group == group {
			s.Since = before.Since
		}
		if in.share.CompareAndSwap(before, s) {
			return s
		}
	}
}

// EndShare says that the input reads nothing any more, unless somebody else has said
// since what it reads: one that took its place.
func (in *Input) EndShare(last *Share) {
	in.share.CompareAndSwap(last, &Share{Since: time.Now()})
}

// Share returns what SetShare was last told; nil when it never was.
func (in *Input) Share() *Share { return in.share.Load() }

// ForgetLag says that nobody knows how many records the source holds.
func (in *Input) ForgetLag() { in.lag.Store(nil) }

// checkJoin notes a reason when an input has waited for its group for longer than
// the stream's grace.
func (h *Health) checkJoin(f Figures, in *Input, now time.Time) {
	s := in.Share()
	if s == nil || s.Group != GroupJoining || in.Link.State().Closed {
		return
	}
	if waits := now.Sub(s.Since); waits > f.Buffer.LinkGrace {
		h.unhealthy("%sinput %q has waited for %s to be let into its consumer group: the group forms, or waits for a member that is gone",
			f.prefix(), in.Label, waits.Round(time.Second))
	}
}

func (s *Share) partitions() *int64 {
	if s == nil {
		return nil
	}
	return &s.Partitions
}

func (s *Share) group() string {
	if s == nil {
		return ""
	}
	return s.Group
}
