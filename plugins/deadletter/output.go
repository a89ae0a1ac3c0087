// Package deadletter keeps records that could not be stored: the output
// dead_letter_file, which appends them to files, and what their lines are. It knows
// nothing of who could not store them but the metadata that says why.
//
// The host's own output for files keeps its file open, so that who moves it aside
// loses what follows, and leaves half a line behind on a full disk. Dead letters are
// rare, and the last copy of a record: here a batch of them is in its files as a
// whole, on the disk, or not at all.
package deadletter

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
)

// Name is what the output is called in a configuration.
const Name = "dead_letter_file"

const fieldPath = "path"

func init() {
	service.MustRegisterBatchOutput(Name, Spec(), func(conf *service.ParsedConfig, mgr *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
		out, err := New(conf, mgr)
		return out, service.BatchPolicy{}, 1, err
	})
}

// Spec is the configuration of the output.
func Spec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Stable().
		Categories("Local").
		Summary("Appends records that could not be stored to a file, each with the reason, as lines that `data-bridge replay` sends again.").
		Description("Meant to be the `dead_letter` of the `clickhouse` output. A line is a JSON object: `at`, and as far as they are known `table`, `column`, `error`, `code`, `attempts`, `source`, `offset` and `metadata`, and `record`, which holds the bytes of the record as they reached the output (`record_base64` where they are no UTF-8).\n\n"+
			"A batch is acknowledged when it is on the disk. It is written as a whole or not at all: on a disk without room no half lines are left, and nothing is written twice once there is room again. The file is opened for each batch, so it may be moved or deleted at any time: what follows is in a new one. New files have the mode 0600. Several processes may append to one file.").
		Field(service.NewInterpolatedStringField(fieldPath).
			Description("The file. Folders that do not exist are made.").
			Example("dead_letter.jsonl").
			Example(`dead_letter-${! now().ts_format("2006-01-02") }.jsonl`)).
		Example("Dead letters of ClickHouse", "A file a day.", `
output:
  clickhouse:
    addresses: [127.0.0.1:9000]
    database: market
    table: external
    dead_letter:
      dead_letter_file:
        path: dead_letter-${! now().ts_format("2006-01-02") }.jsonl
`)
}

type output struct {
	path *service.InterpolatedString
	log  *service.Logger
}

var (
	_ service.BatchOutput = (*output)(nil)
	_ checkup.Examiner    = (*output)(nil)
)

// New makes the output.
func New(conf *service.ParsedConfig, mgr *service.Resources) (service.BatchOutput, error) {
	path, err := conf.FieldInterpolatedString(fieldPath)
	if err != nil {
		return nil, err
	}
	if static, ok := path.Static(); ok && static == "" {
		return nil, fmt.Errorf("%s.%s is empty: it has to name a file", Name, fieldPath)
	}
	o := &output{path: path, log: mgr.Logger()}
	checkup.Join(mgr, o)
	return o, nil
}

// Connect says early what would be said when there is a dead letter. That is no
// reason not to run: most streams never have one.
func (o *output) Connect(context.Context) error {
	if path, ok := o.path.Static(); ok {
		if err := writable(path); err != nil {
			o.log.Errorf("Dead letters cannot be written: %v. Rows that do not fit their table would hold everything up", err)
		}
	}
	return nil
}

// WriteBatch implements service.BatchOutput. Either all lines are on the disk or none
// is. It waits for whoever else appends, until ctx ends.
func (o *output) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	now := time.Now().UTC()
	lines := map[string]*bytes.Buffer{} // by their file
	for i, m := range batch {
		path, err := batch.TryInterpolatedString(i, o.path)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", Name, fieldPath, err)
		}
		if path == "" {
			return fmt.Errorf("%s.%s is empty for a record: it has to name a file", Name, fieldPath)
		}
		letter, err := Of(m, now)
		if err != nil {
			return err
		}
		if lines[path] == nil {
			lines[path] = &bytes.Buffer{}
		}
		if err := letter.appendTo(lines[path]); err != nil {
			return err
		}
	}
	return appendAll(ctx, lines)
}

// Close implements service.BatchOutput: nothing is open between two batches.
func (o *output) Close(context.Context) error { return nil }

// Checkup implements checkup.Examiner.
func (o *output) Checkup(_ context.Context, _ checkup.Facts, _ *checkup.Sample, report *checkup.Report) {
	path, ok := o.path.Static()
	if !ok {
		report.Info("dead letters", fieldPath, "depends on the record: whether it can be written is not known")
		return
	}
	if err := writable(path); err != nil {
		report.Fail("dead letters", fieldPath, "dead letters cannot be written: "+err.Error(), "give the user of the bridge the right to write there, or name another file")
		return
	}
	report.OK("dead letters", fieldPath, "%s can be written", path)
}
