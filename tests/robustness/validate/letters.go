package validate

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
	"github.com/data-bridge-io/data-bridge/tests/robustness/traffic"
)

// Letters are the dead letters of one table among those of a file. A file that is
// not there has none.
func Letters(path, table string, history []model.Record) (letters []model.Letter, err error) {
	all, err := harness.Letters(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	type key struct {
		part int
		seq  int64
	}
	records := make(map[key]model.Record, len(history))
	for _, r := range history {
		records[key{r.Part, r.Seq}] = r
	}
	for _, l := range all {
		if l.Table != table {
			continue
		}
		part, seq, ok := traffic.Identify(l.Bytes())
		if !ok {
			return nil, fmt.Errorf("a dead letter of %s is none of the records: %.80q", table, l.Bytes())
		}
		r, known := records[key{part, seq}]
		letters = append(letters, model.Letter{Part: part, Seq: seq, Whole: known && bytes.Equal(traffic.Body(r), l.Bytes())})
	}
	return letters, nil
}
