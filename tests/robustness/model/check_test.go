package model

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// run is a history that keeps every promise until a test corrupts it.
type run struct {
	source  Source
	history []Record
	events  []Event
	seen    Observed
}

// good is 2 parts of 50 records each, one poison among them, all stored in order.
func good(kind Kind) *run {
	r := &run{source: Source{Name: "feed", Kind: kind, Window: true, Ordered: true, Held: 10}}
	parts := 2
	if kind == Core {
		parts = 1
	}
	for part := range parts {
		for seq := int64(1); seq <= 50; seq++ {
			rec := Record{Part: part, Seq: seq, Size: 7, Outcome: Acked, Position: seq - 1, Poison: seq == 20}
			r.history = append(r.history, rec)
			if rec.Poison {
				r.seen.Letters = append(r.seen.Letters, Letter{Part: part, Seq: seq, Whole: true})
			} else {
				r.seen.Rows = append(r.seen.Rows, Row{Part: part, Seq: seq, Size: 7})
			}
		}
	}
	n, bad := int64(len(r.history)), int64(len(r.seen.Letters))
	r.seen.Lives = []Life{{Ending: Running, Counters: Counters{Received: n, Accepted: n, Rows: n - bad, DeadLetters: bad}}}
	return r
}

func (r *run) check() Verdict { return Check(r.source, r.history, r.events, r.seen) }

func (r *run) counters() *Counters { return &r.seen.Lives[len(r.seen.Lives)-1].Counters }

// lose takes rows out of the table, and leaves the figures as they are.
func (r *run) lose(at, n int) {
	r.seen.Rows = append(r.seen.Rows[:at:at], r.seen.Rows[at+n:]...)
}

// crash is another life that was killed before the one that is there.
func (r *run) crash() {
	r.seen.Lives = append([]Life{{Ending: Killed}}, r.seen.Lives...)
}

var kinds = []Kind{Core, Jet, Kafka, KafkaOnce}

func TestAGoodHistoryIsGood(t *testing.T) {
	for _, kind := range kinds {
		v := good(kind).check()
		assert.Empty(t, v.Problems, kind)
		want := Verdict{Source: "feed", Kind: kind, Records: 100, Stored: 98, DeadLettered: 2}
		if kind == Core {
			want.Records, want.Stored, want.DeadLettered = 50, 49, 1
		}
		assert.Equal(t, want, v)
	}
}

// Whatever breaks a promise of every source is found for each of them.
func TestWhatNoSourceMayDoIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		corrupt func(r *run)
		want    string
	}{
		"a row that nobody published": {func(r *run) { r.seen.Rows = append(r.seen.Rows, Row{Seq: 51, Size: 7}) }, "rows that nobody published: 0/51"},
		"a row of another size":       {func(r *run) { r.seen.Rows[3].Size = 6 }, "rows of another size than was published: 0/4"},
		"a row of other bytes":        {func(r *run) { r.seen.Torn = 1 }, "1 rows hold other bytes"},
		"a record that was refused":   {func(r *run) { r.history[4].Outcome = Refused }, "rows of records that were refused: 0/5"},
		"a poison row that is stored": {func(r *run) { r.seen.Rows[0].Seq = 20 }, "rows of records that do not fit the table: 0/20"},
		"a row that is there twice":   {func(r *run) { r.seen.Rows = append(r.seen.Rows, r.seen.Rows[8]) }, "1 records are stored twice: 0/9"},
		"a dead letter that fits":     {func(r *run) { r.seen.Letters[0].Seq = 21 }, "dead letters of records that fit, or that nobody published: 0/21"},
		"a dead letter that is torn":  {func(r *run) { r.seen.Letters[0].Whole = false }, "1 dead letters hold other bytes"},
		"a dead letter twice":         {func(r *run) { r.seen.Letters = append(r.seen.Letters, r.seen.Letters[0]) }, "1 records are dead letters twice: 0/20"},
		"rows that changed places": {func(r *run) {
			rows := r.seen.Rows
			rows[5], rows[6] = rows[6], rows[5]
		}, "1 records were stored behind a later one of their part: 0/6"},
		"received and not accepted":  {func(r *run) { r.counters().Received++ }, "the books do not balance: received"},
		"discarded and not received": {func(r *run) { r.counters().Dropped++ }, "the books do not balance: received"},
		"accepted and not settled":   {func(r *run) { r.counters().Accepted++; r.counters().Received++ }, "the books do not balance: accepted"},
		"a row too much in /health":  {func(r *run) { r.counters().Rows++; r.counters().DeadLetters-- }, "the table has"},
		"an insert recognised that never came": {func(r *run) {
			r.counters().Rows -= 2
			r.counters().Deduplicated++
			r.counters().DeadLetters++
		}, "the table has"},
	} {
		for _, kind := range kinds {
			t.Run(name+"/"+string(kind), func(t *testing.T) {
				r := good(kind)
				c.corrupt(r)
				v := r.check()
				require.NotEmpty(t, v.Problems)
				assert.Contains(t, v.Problems[0]+v.Problems[len(v.Problems)-1], c.want)
				assert.False(t, v.OK())
			})
		}
	}
}

func TestAMissingRecordIsFound(t *testing.T) {
	for _, kind := range kinds {
		r := good(kind)
		r.lose(10, 2)
		v := r.check()
		assert.EqualValues(t, 2, v.Missing, kind)
		assert.False(t, v.OK())

		r = good(kind)
		r.seen.Letters = nil
		v = r.check()
		assert.False(t, v.OK(), "a poison row that is no dead letter either")
	}
}

// A record whose outcome is unknown may be there, once, or not.
func TestAnUnknownOutcomeMayBeEither(t *testing.T) {
	for _, kind := range kinds {
		r := good(kind)
		r.history[4].Outcome = Unknown
		assert.Empty(t, r.check().Problems, kind)
		r.lose(4, 1)
		r.counters().Rows--
		r.counters().Received--
		r.counters().Accepted--
		assert.Empty(t, r.check().Problems, kind)
	}
}

func TestDuplicatesAreWhereDeliverySays(t *testing.T) {
	const all = "core NATS, JetStream, Kafka, Kafka, exactly_once"
	for name, c := range map[string]struct {
		event  Event
		window bool
		by     map[Kind]bool
	}{
		"nothing happens":                 {Event{What: StoreRefuses}, true, nil},
		"a crash":                         {Event{What: BridgeKilled}, true, map[Kind]bool{Jet: true, Kafka: true}},
		"a rebalance":                     {Event{What: Rebalanced}, true, map[Kind]bool{Jet: true, Kafka: true}},
		"a rebalance of another source":   {Event{What: Rebalanced, Source: "another"}, true, nil},
		"a consumer that is gone":         {Event{What: ConsumerGone, Source: "feed"}, true, map[Kind]bool{Jet: true}},
		"a stream that is made anew":      {Event{What: Remade, Epoch: -1}, true, map[Kind]bool{Jet: true}},
		"a clean end":                     {Event{What: BridgeEnded}, true, nil},
		"an end by force":                 {Event{What: BridgeEnded, ExitCode: 1}, true, map[Kind]bool{Jet: true, Kafka: true}},
		"a source that is away":           {Event{What: SourceBroken}, true, nil},
		"a ClickHouse that breaks":        {Event{What: StoreBroken}, true, nil},
		"a ClickHouse without a window":   {Event{What: StoreBroken}, false, map[Kind]bool{Core: true, Jet: true, Kafka: true, KafkaOnce: true}},
		"a refusal, and without a window": {Event{What: StoreRefuses}, false, nil},
	} {
		for _, kind := range kinds {
			r := good(kind)
			r.source.Window, r.source.Ordered = c.window, false
			r.events = []Event{c.event}
			r.crash() // so that the figures of the last one need not be those of the table
			r.seen.Rows = append(r.seen.Rows, r.seen.Rows[8])
			v := r.check()
			assert.EqualValues(t, 1, v.Duplicated)
			assert.Equal(t, c.by[kind], v.OK(), "%s: %s: %v", name, kind, v.Problems)
		}
	}
	assert.Len(t, kinds, 4, all)
}

// An event explains what was on its way while it lasted, and no more.
func TestAnEventReachesWhatWasOnItsWay(t *testing.T) {
	for name, c := range map[string]struct {
		reach Reach
		ok    bool
	}{
		"it was on its way":              {Reach{Floor: map[int]int64{0: 8}, Last: []int64{9, 50}}, true},
		"it was acknowledged":            {Reach{Floor: map[int]int64{0: 9}}, false},
		"it was, by a stream":            {Reach{Floor: map[int]int64{AllParts: 9}}, false},
		"another part was":               {Reach{Floor: map[int]int64{1: 9}}, true},
		"it was published later":         {Reach{Last: []int64{8, 50}}, false},
		"it was of an earlier topic":     {Reach{Epoch: 1}, false},
		"the floor is of an earlier one": {Reach{Epoch: -1, Floor: map[int]int64{0: 9}}, true},
	} {
		r := good(Kafka)
		r.crash()
		r.seen.Rows = append(r.seen.Rows, r.seen.Rows[8])
		r.events = []Event{{What: BridgeKilled, Reach: map[string]Reach{"feed": c.reach, "another": {Last: []int64{}}}}}
		assert.Equal(t, c.ok, r.check().OK(), name)
	}
}

// What was in flight when a link broke may come again, what was stored may not.
func TestALinkThatBreaksMayRepeatWhatWasInFlight(t *testing.T) {
	for stored, ok := range map[int64]bool{7: true, 8: true, 9: false, 50: false} {
		r := good(Kafka)
		r.crash()
		r.seen.Rows = append(r.seen.Rows, r.seen.Rows[8])
		r.events = []Event{{What: SourceBroken, Reach: map[string]Reach{"feed": {Stored: []int64{stored, 50}}}}}
		assert.Equal(t, ok, r.check().OK(), "%d were stored", stored)
		r.events[0].What = StoreBroken
		assert.False(t, r.check().OK())
	}
}

// A link that breaks may end the member's session, which what is in flight then
// outlives only if it is settled soon.
func TestALinkThatBreaksWithItsStoreMayRepeat(t *testing.T) {
	for _, store := range []What{StoreBroken, StoreRefuses, BridgeFrozen} {
		for _, kind := range kinds {
			r := good(kind)
			r.crash()
			r.seen.Rows = append(r.seen.Rows, r.seen.Rows[8])
			r.events = []Event{{What: SourceBroken, Begin: 2, End: 4}, {What: store, Begin: 3, End: 5}}
			assert.Equal(t, kind == Kafka, r.check().OK(), "%s: %s", store, kind)
			r.events[1].Begin = 5
			assert.False(t, r.check().OK(), "%s: %s: the one after the other", store, kind)
		}
	}
}

// A consumer that nobody else had begins again at the first message that is not
// settled; one that others had, where the bridge last saw that.
func TestAConsumerThatOthersHadMayRepeatMore(t *testing.T) {
	floor := map[string]Reach{"feed": {Floor: map[int]int64{AllParts: 9}}}
	gone := Event{What: ConsumerGone, Source: "feed", Begin: 5, End: 6, Reach: floor}
	for _, c := range []struct {
		other Event
		ok    bool
	}{
		{Event{What: StoreBroken, Reach: floor}, false},
		{Event{What: BridgeEnded, Reach: floor}, true},
		{Event{What: SourceBroken, Source: "feed", Reach: floor}, true},
		{Event{What: SourceBroken, Source: "another", Reach: floor}, false},
		{Event{What: BridgeEnded, Begin: 7, Reach: floor}, false},
	} {
		r := good(Jet)
		r.crash()
		r.seen.Rows = append(r.seen.Rows, r.seen.Rows[8])
		r.events = []Event{c.other, gone}
		r.source.Ordered = false
		assert.Equal(t, c.ok, r.check().OK(), "%+v", c.other)
	}
}

// An end that lasted while its source was away could not commit.
func TestAnEndWithoutItsSourceMayRepeat(t *testing.T) {
	r := good(Kafka)
	r.crash()
	r.seen.Rows = append(r.seen.Rows, r.seen.Rows[8])
	r.events = []Event{{What: BridgeEnded, Begin: time.Second, End: 2 * time.Second}, {What: SourceBroken, Begin: 3 * time.Second, End: 4 * time.Second}}
	assert.False(t, r.check().OK(), "the one after the other")
	r.events[1].Begin = time.Second
	assert.Empty(t, r.check().Problems)
}

func TestWhatTheSourceDeletesIsLostAndCounted(t *testing.T) {
	for _, c := range []struct {
		name  string
		event Event
		n     int64 // that it covers, of records 11 and 12 of part 0
	}{
		{"the log is trimmed below them", Event{What: Trimmed, Part: 0, Position: 10}, 0},
		{"the log is trimmed between them", Event{What: Trimmed, Part: 0, Position: 11}, 1},
		{"the log is trimmed above them", Event{What: Trimmed, Part: 0, Position: 12}, 2},
		{"another partition is trimmed", Event{What: Trimmed, Part: 1, Position: 12}, 0},
		{"an earlier topic was trimmed", Event{What: Trimmed, Part: 0, Position: 12, Epoch: -1}, 0},
		{"the topic is made anew", Event{What: Remade}, 2},
		{"another topic is made anew", Event{What: Remade, Source: "another"}, 0},
	} {
		r := good(Kafka)
		r.lose(10, 2)
		r.counters().Rows, r.counters().Accepted, r.counters().Received = 96, 98, 98
		r.counters().RecordsLost = 2
		r.events = []Event{c.event}
		v := r.check()
		assert.Equal(t, c.n, v.Lost, c.name)
		assert.Equal(t, 2-c.n, v.Missing, c.name)
		assert.Equal(t, c.n == 2, v.OK(), c.name, v.Problems)

		r.counters().RecordsLost = 1
		v = r.check()
		assert.False(t, v.OK(), c.name)
		assert.Equal(t, max(0, c.n-1), v.Uncounted, c.name)
	}
}

// What core NATS may lose uncounted is what was published while nobody heard it.
func TestCoreLosesWhatNobodyHears(t *testing.T) {
	span := map[string]Span{"feed": {Before: 30, Until: 41}}
	for _, c := range []struct {
		name       string
		event      Event
		first, end int // of the sequences that are excused; none where end is 0
	}{
		{"nothing", Event{What: StoreBroken, Spans: span}, 0, 0},
		{"a frozen bridge", Event{What: BridgeFrozen, Spans: span}, 0, 0},
		{"a subscription that is given up", Event{What: Left, Spans: span}, 31, 40},
		{"a clean end", Event{What: BridgeEnded, Spans: span}, 31, 40},
		{"a clean end in a pause", Event{What: BridgeEnded, Spans: span, Paused: true}, 21, 40},
		{"an end by force", Event{What: BridgeEnded, Spans: span, ExitCode: 1}, 21, 40},
		{"a crash", Event{What: BridgeKilled, Spans: span}, 21, 40},
		{"a link that breaks", Event{What: SourceBroken, Spans: span}, 1, 40},
		{"a link of another source", Event{What: SourceBroken, Source: "another", Spans: span}, 0, 0},
	} {
		for seq := 1; seq <= 50; seq++ {
			if seq == 20 {
				continue // is the dead letter
			}
			r := good(Core)
			r.crash()
			r.events = []Event{c.event}
			at := seq - 1
			if seq > 20 {
				at--
			}
			r.lose(at, 1)
			v := r.check()
			assert.Equal(t, c.end > 0 && seq >= c.first && seq <= c.end, v.OK(), "%s: record %d: %v", c.name, seq, v.Problems)
		}
	}
}

// What was on its way when a link broke reaches back to where the bridge froze.
func TestALinkThatBreaksUnderAFrozenBridge(t *testing.T) {
	r := good(Core)
	frozen := Event{What: BridgeFrozen, Begin: 1, End: 3, Spans: map[string]Span{"feed": {Before: 5000, Until: 9000}}}
	broken := Event{What: SourceBroken, Begin: 2, End: 4, Spans: map[string]Span{"feed": {Before: 7000, Until: 9000}}}
	assert.Equal(t, []Span{{Before: 5000 - InTransit, Until: 9000}}, unheard(r.source, []Event{frozen, broken}))
	frozen.End = 1
	assert.Equal(t, []Span{{Before: 7000 - InTransit, Until: 9000}}, unheard(r.source, []Event{frozen, broken}))
}

// A count explains as many records as it says, and without an event no more.
func TestDropsAreCountedExactly(t *testing.T) {
	for _, c := range []struct{ missing, counted int64 }{{3, 3}, {3, 2}, {3, 4}, {0, 1}} {
		r := good(Core)
		r.lose(0, int(c.missing))
		n := r.counters()
		n.Rows -= c.missing
		n.Accepted -= c.missing
		n.Received += c.counted - c.missing
		n.Conflated = c.counted
		v := r.check()
		assert.Equal(t, c.missing == c.counted, v.OK(), "%v: %v", c, v.Problems)
		assert.Equal(t, max(0, c.missing-c.counted), v.Uncounted)
	}
}

// Order is judged where it is promised, and counted everywhere.
func TestOrderIsJudgedWhereItIsPromised(t *testing.T) {
	for name, c := range map[string]struct {
		events []Event
		free   map[Kind]bool
	}{
		"nothing":   {nil, nil},
		"a crash":   {[]Event{{What: BridgeKilled}}, map[Kind]bool{Jet: true}},
		"a cut":     {[]Event{{What: SourceBroken}}, map[Kind]bool{Jet: true}},
		"a new one": {[]Event{{What: Rebalanced}}, map[Kind]bool{Core: true, Jet: true, Kafka: true, KafkaOnce: true}},
	} {
		for _, kind := range kinds {
			r := good(kind)
			r.events = c.events
			rows := r.seen.Rows
			rows[5], rows[6] = rows[6], rows[5]
			v := r.check()
			assert.EqualValues(t, 1, v.Reordered)
			assert.Equal(t, c.free[kind], v.OK(), "%s: %s: %v", name, kind, v.Problems)
			r.source.Ordered = false
			assert.Empty(t, r.check().Problems, name)
		}
	}
}

// What comes again is no disorder, as long as it came in order first.
func TestARepetitionIsNoDisorder(t *testing.T) {
	r := good(Kafka)
	r.crash()
	r.events = []Event{{What: BridgeKilled}}
	rows := r.seen.Rows
	r.seen.Rows = append(append(append([]Row{}, rows[:10]...), rows[5:10]...), rows[10:]...)
	v := r.check()
	assert.Empty(t, v.Problems)
	assert.Zero(t, v.Reordered)
	assert.EqualValues(t, 5, v.Duplicated)
}
