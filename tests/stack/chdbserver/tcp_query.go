package main

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// request is one query packet.
type request struct {
	proto.Query
	settings string // of the session and the query, as a SETTINGS clause's list
	fault    *fault
	tables   externalTables
}

var (
	useStatement = regexp.MustCompile(`(?is)^\s*USE\s+(.+?)\s*;?\s*$`)
	setStatement = regexp.MustCompile(`(?is)^\s*SET\s+(.+?)\s*;?\s*$`)
)

// query serves one statement. An error is one of the connection, which ends.
func (c *session) query() error {
	var q request
	if err := q.DecodeAware(c.in, c.revision); err != nil {
		return err
	}
	stmt, isInsert := parseInsert(q.Body)
	tables, err := c.externalTables(q)
	defer tables.remove()
	q.tables = tables
	if err == nil {
		q.settings, err = c.settingsFor(q.Settings)
	}
	if err == nil {
		q.fault = c.handler.faults.take(q.Body, true)
		asksForData := isInsert && stmt.format() != ""
		if !asksForData || !q.fault.stalls() { // an INSERT is stalled when its data is to come
			err = q.fault.before(context.Background())
		}
	}
	switch {
	case isBroken(err) || errors.Is(err, errCut):
		return err
	case err != nil:
		return c.sendException(err)
	case isInsert && stmt.format() != "":
		return c.insert(q, stmt)
	}
	return c.working(func() error { return c.statement(q) })
}

// brokenError is one of the connection: there is nobody to tell.
type brokenError struct{ error }

func (e brokenError) Unwrap() error { return e.error }

func isBroken(err error) bool {
	var broken brokenError
	return errors.As(err, &broken)
}

// settingsFor are the settings that a statement gets. Those that the engine
// does not know are left out unless the client calls them important.
func (c *session) settingsFor(list []proto.Setting) (string, error) {
	all := append([]string{}, c.settings...)
	for _, s := range list {
		if !s.Important {
			known, err := c.handler.knows(s.Key)
			if err != nil {
				return "", err
			}
			if !known {
				continue
			}
		}
		all = append(all, s.Key+" = "+quote(s.Value))
	}
	return strings.Join(all, ", "), nil
}

// knows tells whether the engine has a setting of that name.
func (h *handler) knows(setting string) (bool, error) {
	out, err := h.run(scope{database: "default"}, "SELECT count() FROM system.settings WHERE name = "+quote(setting), "TabSeparated")
	if err != nil {
		return false, err
	}
	return strings.TrimSpace(string(out.data)) != "0", nil
}

// statement runs everything but an INSERT whose data is to come.
func (c *session) statement(q request) error {
	if parts := useStatement.FindStringSubmatch(q.Body); parts != nil {
		return c.use(unquote(parts[1]))
	}
	if parts := setStatement.FindStringSubmatch(q.Body); parts != nil {
		return c.set(parts[1])
	}
	sql, _ := plain(q.tables.in(q.Body), q.settings, "Native")
	out, err := q.fault.around(c.scope(), func(at scope) (*result, error) { return c.handler.run(at, sql, "Native") })
	if err != nil {
		return c.refuse(err)
	}
	if c.cancelled() {
		return c.end()
	}
	if out.events != nil { // it has inserted, by a query or of data within it
		c.putProgress(out)
		return c.endInsert(out)
	}
	header, err := c.resultHeader(sql, out)
	if err != nil {
		return c.sendException(err)
	}
	if len(header) > 0 {
		if err := c.sendResult(q, header, out); err != nil {
			return err
		}
	}
	return c.end()
}

// refuse sends the exception that a statement ends with, unless a fault cuts the connection.
func (c *session) refuse(err error) error {
	if errors.Is(err, errCut) {
		return err
	}
	return c.sendException(err)
}

// use and set are the session's own: the engine has one connection for all.
func (c *session) use(database string) error {
	if _, err := c.handler.run(scope{database: database}, "SELECT 1", "Null"); err != nil {
		return c.sendException(err)
	}
	c.database = database
	return c.end()
}

func (c *session) set(assignments string) error {
	if _, err := c.handler.run(c.scope(), "SELECT 1 SETTINGS "+assignments, "Null"); err != nil {
		return c.sendException(err)
	}
	c.settings = append(c.settings, assignments)
	return c.end()
}

// cancelled tells whether the client has cancelled while the engine ran. The
// engine is not interrupted: its answer is dropped.
func (c *session) cancelled() bool {
	if c.raw.Buffered() == 0 {
		_ = c.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		defer func() { _ = c.conn.SetReadDeadline(time.Time{}) }()
	}
	next, err := c.raw.Peek(1)
	return err == nil && proto.ClientCode(next[0]) == proto.ClientCodeCancel
}

// sendResult sends the header and the blocks of a result, and what follows them
// from a real server: an empty block too.
func (c *session) sendResult(q request, header []tableColumn, out *result) error {
	if err := c.sendBlock(q, emptyBlock(header)); err != nil {
		return err
	}
	var rows, blocks, bytes uint64
	if err := toWire(out.data, func(b wireBlock) error {
		if b.rows == 0 {
			return nil
		}
		rows, blocks, bytes = rows+b.rows, blocks+1, bytes+uint64(len(b.data))
		return c.sendBlock(q, b)
	}); err != nil {
		return err
	}
	proto.Profile{Rows: rows, Blocks: blocks, Bytes: bytes}.EncodeAware(&c.out, c.revision)
	c.putProgress(out)
	return c.sendBlock(q, emptyBlock(nil))
}

var isSelect = regexp.MustCompile(`(?is)^\s*(SELECT|WITH|\()`)

// resultHeader are the columns of a result. One without rows is empty: there
// the statement is asked again.
func (c *session) resultHeader(sql string, out *result) ([]tableColumn, error) {
	if len(out.data) > 0 {
		return headerOf(out.data)
	}
	if !isSelect.MatchString(sql) {
		return nil, nil
	}
	return c.handler.describe(c.scope(), "("+sql+"\n)")
}

// sendBlock sends one data packet, compressed when the query asks for it.
func (c *session) sendBlock(q request, b wireBlock) error {
	proto.ServerCodeData.Encode(&c.out)
	c.out.PutString("")
	data := b.data
	if q.Compression == proto.CompressionEnabled {
		var err error
		if data, err = pack(data, settingOf(q.Settings, "network_compression_method")); err != nil {
			return err
		}
	}
	c.out.PutRaw(data)
	return c.flush()
}

func settingOf(list []proto.Setting, name string) string {
	for _, s := range list {
		if s.Key == name {
			return s.Value
		}
	}
	return ""
}

func (c *session) putProgress(out *result) {
	proto.ServerCodeProgress.Encode(&c.out)
	proto.Progress{
		Rows: out.readRows, Bytes: out.readBytes,
		WroteRows: out.writtenRows, WroteBytes: out.writtenBytes, ElapsedNs: uint64(out.elapsed),
	}.EncodeAware(&c.out, c.revision)
}

// endInsert sends what an INSERT did. Where its data came from the client a real
// server sends no progress (the note in its TCPHandler.cpp says that it would
// break the protocol), so that its profile events alone have the rows.
func (c *session) endInsert(out *result) error {
	if proto.FeatureProfileEvents.In(c.revision) && len(out.events) > 0 {
		if err := c.putEvents(out.events); err != nil {
			return err
		}
	}
	return c.end()
}

func (c *session) end() error {
	proto.ServerCodeEndOfStream.Encode(&c.out)
	return c.flush()
}

// putEvents writes the counters that an INSERT moved, as a real server does for
// its query: uncompressed, each an increment. InsertedRows counts where rows
// enter a table's insert, those of every table that a view fills too, and has
// the rows of an insert that is deduplicated: that is found out behind it, when
// a part is to be committed, which is where DuplicatedInsertedBlocks counts. So
// above 0 that is the only sign, on either protocol, of an insert that was not
// stored because it had been before, or was not in part. It counts tokens, and
// those of views' tables too: it does not say how many rows they were.
func (c *session) putEvents(events map[string]uint64) error {
	var data proto.ProfileEvents
	values := new(proto.ColInt64)
	host, _ := os.Hostname()
	for _, name := range sortedKeys(events) {
		data.Host.Append(host)
		data.Time.Append(time.Now())
		data.ThreadID.Append(0)
		data.Type.Append(int8(proto.ProfileIncrement))
		data.Name.Append(name)
		values.Append(int64(events[name]))
	}
	types := &proto.ColEnum{}
	if err := types.Infer("Enum8('increment' = 1, 'gauge' = 2)"); err != nil {
		return err
	}
	for range data.Type {
		types.Append("increment")
	}
	proto.ServerProfileEvents.Encode(&c.out)
	c.out.PutString("")
	columns := proto.Input{
		{Name: "host_name", Data: &data.Host},
		{Name: "current_time", Data: &data.Time},
		{Name: "thread_id", Data: &data.ThreadID},
		{Name: "type", Data: types},
		{Name: "name", Data: &data.Name},
		{Name: "value", Data: values},
	}
	block := proto.Block{Info: proto.BlockInfo{BucketNum: -1}, Columns: len(columns), Rows: len(events)}
	return block.EncodeBlock(&c.out, c.revision, columns)
}
