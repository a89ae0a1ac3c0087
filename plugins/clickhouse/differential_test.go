package clickhouse

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

var (
	diffSeed    = flag.Uint64("seed", 0, "differential test: the table to begin with; 0 takes the time")
	diffOnly    = flag.Int("record", 0, "differential test: this record of the first table alone")
	diffTables  = flag.Int("tables", 0, "differential test: how many random tables")
	diffRecords = flag.Int("records", 200, "differential test: how many records for each table")
)

type diffServer struct{ kind, protocol string }

// diffServers are the servers and protocols that records go by.
var diffServers = []diffServer{
	{stack.KindChDB, stack.ProtocolHTTP},
	{stack.KindChDB, stack.ProtocolNative},
}

// TestDifferential stores random records in random tables, by the output and by
// the engine's own JSONEachRow, and compares.
//
// What differs is printed with the command that repeats it. The arguments -seed,
// -tables, -records and -record are this test's own:
//
//	go test ./plugins/clickhouse -run TestDifferential -seed 7 -tables 100
func TestDifferential(t *testing.T) { runDifferential(t, 5, func(*differential) {}) }

// runDifferential tries so many tables on each server, and hands over what was seen.
func runDifferential(t *testing.T, tables int, then func(d *differential)) {
	if *diffTables > 0 {
		tables = *diffTables
	}
	seed := *diffSeed
	if seed == 0 {
		seed = uint64(time.Now().Unix()) * 1000 // far from the tables of the next run
	}
	for n, s := range diffServers {
		t.Run(s.kind+" "+s.protocol, func(t *testing.T) {
			seed := seed
			if *diffSeed == 0 {
				seed += uint64(n * tables) // others by each protocol
			}
			d := &differential{server: byProtocol{stack.Shared.ClickHouse(t, s.kind), s.protocol}}
			d.engine = newDiffEngine(t, d.server)
			for i := range uint64(tables) {
				t.Run(fmt.Sprint("seed=", seed+i), func(t *testing.T) { d.table(t, seed+i) })
			}
			t.Log(d.tally.String())
			then(d)
		})
	}
}

// byProtocol is a server as one of its protocols reaches it.
type byProtocol struct {
	stack.ClickHouse
	protocol string
}

func (s byProtocol) Protocol() string { return s.protocol }

func (s byProtocol) Addr() string {
	if s.protocol == stack.ProtocolHTTP {
		return s.HTTPAddr()
	}
	return s.NativeAddr()
}

// differential is a run of the test on one server.
type differential struct {
	server stack.ClickHouse
	engine *diffEngine
	tally  diffTally
}

// table tries the records of one random table.
func (d *differential) table(t *testing.T, seed uint64) {
	g := newDiffGen(seed)
	schema := g.schema()
	var records []*diffRecord
	for n := range *diffRecords {
		if r := g.record(schema, n+1); *diffOnly == 0 || *diffOnly == r.n {
			records = append(records, r)
		}
	}
	ours, reference := fmt.Sprintf("diff_%d_ours", seed), fmt.Sprintf("diff_%d_engine", seed)
	d.engine.create(t, schema, ours, "MergeTree ORDER BY tuple()")
	d.engine.create(t, schema, reference, "Memory")
	reader := &diffInsert{engine: d.engine, schema: schema, table: reference}
	reader.insertAccepted(t, records)
	cases := d.write(t, schema, ours, records)
	stored, taken := d.engine.rows(t, ours, schema, 0, 1<<30), d.engine.rows(t, reference, schema, 1, *diffRecords)
	d.tally.tables++
	for _, c := range cases {
		c.ours, c.engine = stored[c.record.n], taken[c.record.n]
		delete(stored, c.record.n)
		d.check(t, c, reader)
	}
	require.Empty(t, stored, "rows that are no record's")
	d.engine.exec(t, "DROP TABLE "+ours, nil)
	d.engine.exec(t, "DROP TABLE "+reference, nil)
}

// write sends the records through the output. If that hands them back, the
// halves are sent, until the records stand alone that are the cause.
func (d *differential) write(t *testing.T, s *diffSchema, table string, records []*diffRecord) []*diffCase {
	t.Helper()
	cases := make([]*diffCase, len(records))
	for i, r := range records {
		cases[i] = &diffCase{schema: s, record: r}
	}
	d.halve(t, table, cases)
	return cases
}

func (d *differential) halve(t *testing.T, table string, cases []*diffCase) {
	t.Helper()
	err := d.send(t, table, cases)
	if err == nil {
		return
	}
	if len(cases) == 1 {
		cases[0].stuck = err
		return
	}
	// A part of the rows may have been stored.
	d.engine.exec(t, fmt.Sprintf("DELETE FROM %s WHERE id BETWEEN %d AND %d", table, cases[0].record.n, cases[len(cases)-1].record.n), nil)
	middle := len(cases) / 2
	d.halve(t, table, cases[:middle])
	d.halve(t, table, cases[middle:])
}

// send writes one batch and notes its dead letters.
func (d *differential) send(t *testing.T, table string, cases []*diffCase) error {
	t.Helper()
	var batch service.MessageBatch
	for i, c := range cases {
		m := service.NewMessage([]byte(c.record.text))
		m.MetaSetMut("at", i)
		batch = append(batch, m)
	}
	box := boxOf(t)
	before := len(box.all())
	yaml := strings.Replace(yamlFor(t, d.server, table, diffYAML), "max_interval: 200ms", "max_interval: 20ms, max_retries: 1", 1)
	out := open(t, yaml)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	err := out.WriteBatch(ctx, batch)
	for _, l := range box.all()[before:] {
		var at int
		_, scanErr := fmt.Sscan(l.meta["at"], &at)
		require.NoError(t, scanErr)
		if err == nil || len(cases) == 1 {
			cases[at].letter = append(cases[at].letter, l)
		}
	}
	require.NoError(t, out.Close(t.Context()))
	return err
}

// diffYAML is configuration that only the test has.
const diffYAML = "max_dead_letter_share: 1"

// check judges one case and lets pass what a rule allows. What differs is an
// error with all that is needed to see it again.
func (d *differential) check(t *testing.T, c *diffCase, reader *diffInsert) {
	t.Helper()
	d.tally.count(c)
	if c.judge() == diffNothing {
		return
	}
	for _, rule := range diffRules {
		if rule.allows(c) {
			d.tally.allow(rule)
			return
		}
	}
	t.Errorf("go test ./plugins/clickhouse -run '%s' -seed %s -record %d -records %d\n%s", strings.Split(t.Name(), "/")[0],
		t.Name()[strings.LastIndexByte(t.Name(), '=')+1:], c.record.n, *diffRecords, c.report(reader.why(t, c)))
}

// why is what the engine says of a record that it refused.
func (i *diffInsert) why(t *testing.T, c *diffCase) string {
	if len(c.engine) > 0 {
		return ""
	}
	err := i.insert(t.Context(), i.table, []*diffRecord{c.record}, false)
	if err == nil {
		return "(inserted no row)"
	}
	return err.Error()
}
