package kafka

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// announcement is what the group's commit of a partition says under exactly_once:
// where to go on, and where the chunks end that were announced from there on.
// Whoever reads it forms these chunks, and no others, before it forms its own.
type announcement struct {
	base kgo.EpochOffset // where the first chunk begins; offset -1 while unknown
	ends []int64         // the offsets behind the chunks, ascending
}

func noAnnouncement() announcement {
	return announcement{base: kgo.EpochOffset{Epoch: -1, Offset: -1}}
}

func (a *announcement) clone() announcement {
	return announcement{base: a.base, ends: slices.Clone(a.ends)}
}

// last is the offset behind the last chunk, or where the first one would begin.
func (a *announcement) last() int64 {
	if n := len(a.ends); n > 0 {
		return a.ends[n-1]
	}
	return a.base.Offset
}

// announcementMark begins the metadata of a commit that announces chunks; the number
// is that of the format.
const (
	announcementMark    = "data-bridge/"
	announcementVersion = "1"
)

// metadata is the text beside the offset of the commit: the length in offsets
// of each chunk, such as "data-bridge/1 +5000 +731". Brokers take 4,096 bytes by
// default (offset.metadata.max.bytes).
func (a *announcement) metadata() string {
	if len(a.ends) == 0 {
		return ""
	}
	text := []byte(announcementMark + announcementVersion)
	from := a.base.Offset
	for _, end := range a.ends {
		text = append(text, " +"...)
		text = strconv.AppendInt(text, end-from, 10)
		from = end
	}
	return string(text)
}

// errUnknownAnnouncement says that a commit announces chunks in a way that is not
// understood.
var errUnknownAnnouncement = errors.New("the metadata of a commit is not understood")

// parseAnnouncement reads a commit. Metadata of other programs announces nothing.
func parseAnnouncement(base kgo.EpochOffset, metadata string) (announcement, error) {
	a := announcement{base: base}
	rest, ours := strings.CutPrefix(metadata, announcementMark)
	if !ours || base.Offset < 0 {
		return a, nil
	}
	words := strings.Fields(rest)
	if len(words) == 0 || words[0] != announcementVersion {
		return a, fmt.Errorf("%w: %q; this version knows %q only", errUnknownAnnouncement, metadata, announcementMark+announcementVersion)
	}
	end := base.Offset
	for _, word := range words[1:] {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil || n < 1 || n > math.MaxInt64-end {
			return a, fmt.Errorf("%w: %q; %q is not the length of a chunk", errUnknownAnnouncement, metadata, word)
		}
		end += n
		a.ends = append(a.ends, end)
	}
	return a, nil
}
