package kafka

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// promise is what the group's commit of a partition says under exactly_once:
// where to go on, and where the chunks end that were announced from there on.
// Whoever reads it forms these chunks, and no others, before it forms its own.
type promise struct {
	base kgo.EpochOffset // where the first chunk begins; offset -1 while unknown
	ends []int64         // the offsets behind the chunks, ascending
}

func noPromise() promise { return promise{base: kgo.EpochOffset{Epoch: -1, Offset: -1}} }

// add announces a chunk behind those that are announced. Adding it again does
// nothing.
func (p *promise) add(c chunk) {
	if p.base.Offset < 0 {
		p.base = kgo.EpochOffset{Epoch: c.records[0].LeaderEpoch, Offset: c.records[0].Offset}
	}
	if n := len(p.ends); n == 0 || p.ends[n-1] < c.end.Offset {
		p.ends = append(p.ends, c.end.Offset)
	}
}

// settle forgets the chunks before a checkpoint.
func (p *promise) settle(checkpoint kgo.EpochOffset) {
	p.base = checkpoint
	n := 0
	for n < len(p.ends) && p.ends[n] <= checkpoint.Offset {
		n++
	}
	p.ends = p.ends[n:]
}

// promiseMark begins the metadata of a commit that announces chunks; the number
// is that of the format.
const (
	promiseMark    = "data-bridge/"
	promiseVersion = "1"
)

// metadata is the text beside the offset of the commit: the length in offsets
// of each chunk, such as "data-bridge/1 +5000 +731". Brokers take 4,096 bytes by
// default (offset.metadata.max.bytes).
func (p *promise) metadata() string {
	if len(p.ends) == 0 {
		return ""
	}
	text := []byte(promiseMark + promiseVersion)
	from := p.base.Offset
	for _, end := range p.ends {
		text = append(text, " +"...)
		text = strconv.AppendInt(text, end-from, 10)
		from = end
	}
	return string(text)
}

// errUnknownPromise says that a commit announces chunks in a way that is not
// understood.
var errUnknownPromise = errors.New("the metadata of a commit is not understood")

// parsePromise reads a commit. Metadata of other programs announces nothing.
func parsePromise(base kgo.EpochOffset, metadata string) (promise, error) {
	p := promise{base: base}
	rest, ours := strings.CutPrefix(metadata, promiseMark)
	if !ours || base.Offset < 0 {
		return p, nil
	}
	words := strings.Fields(rest)
	if len(words) == 0 || words[0] != promiseVersion {
		return p, fmt.Errorf("%w: %q; this version knows %q only", errUnknownPromise, metadata, promiseMark+promiseVersion)
	}
	end := base.Offset
	for _, word := range words[1:] {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil || n < 1 {
			return p, fmt.Errorf("%w: %q; %q is not the length of a chunk", errUnknownPromise, metadata, word)
		}
		end += n
		p.ends = append(p.ends, end)
	}
	return p, nil
}
