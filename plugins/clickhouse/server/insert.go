package server

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// defaultPiece is how many bytes of records are encoded at a time: 30,000 rows
// where records have 130 bytes.
const defaultPiece = 4 << 20

// Insert implements Server. Servers that do not show what a user may set say so
// when it is set, before anything is written; then it is left out.
func (r *Replica) Insert(ctx context.Context, in Insert) (w Written, err error) {
	for range len(since) {
		var f Features
		if f, err = r.Features(ctx); err != nil {
			return w, err
		}
		if w, err = r.insert(ctx, f, in); err == nil || !r.leaveOut(f, err) {
			break
		}
	}
	return w, err
}

// refusals are the codes of settings that a user may not change, or that a server
// does not know.
var refusals = []int{115, 164, 452, 472}

// leaveOut notes a setting that an error says may not be set. It reports whether
// there is one that was sent unasked.
func (r *Replica) leaveOut(f Features, err error) bool {
	if code, ok := Code(err); !ok || !slices.Contains(refusals, code) {
		return false
	}
	text := err.Error()
	for name, s := range f.settings {
		if _, given := r.cfg.Settings[name]; !given && !s.fixed && named(text, name) {
			r.fix(name)
			return true
		}
	}
	return false
}

// named reports whether a text holds a name that is not part of a longer one.
func named(text, name string) bool {
	word := func(i int) bool {
		return i >= 0 && i < len(text) && (text[i] == '_' || text[i] >= 'a' && text[i] <= 'z')
	}
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return false
		}
		i += from
		if !word(i-1) && !word(i+len(name)) {
			return true
		}
		from = i + 1
	}
}

// insert is one attempt.
func (r *Replica) insert(ctx context.Context, f Features, in Insert) (w Written, err error) {
	mixed := in.Part.Varies()
	if mixed && !f.mixes() {
		return w, errMixed
	}
	if mixed || r.cfg.HTTP && !f.RefusesConversion() {
		if err := r.unchanged(ctx, in); err != nil {
			return w, err
		}
	}
	n := in.Part.To - in.Part.From
	q := statement{id: uuid.NewString(), settings: r.cfg.insertSettings(f, in, mixed)}
	err = r.bounded(ctx, r.cfg.InsertTimeout, func(ctx context.Context) (err error) {
		w, err = r.wire.insert(ctx, q, rowsOf(in.Part, in.Table, r.cfg.pieceFor(f), f.has(settingShortCircuit)))
		return err
	})
	if code, ok := Code(err); ok && code == codeDeduplicated {
		return Written{Known: true, Deduplicated: true}, nil
	}
	if err == nil {
		err = w.check(n, r.cfg.waits(f))
	}
	if err != nil {
		return Written{}, fmt.Errorf("inserting %d rows into %s: %w", n, in.Table, err)
	}
	return w, nil
}

// unchanged makes sure that the table has the columns that rows were made for,
// just before an INSERT which the server does not check for it, and the defaults that
// it is sent.
func (r *Replica) unchanged(ctx context.Context, in Insert) error {
	current, err := r.Columns(ctx, in.Table)
	if err != nil {
		return err
	}
	known, mixed := in.Part.Block.Schema, in.Part.Varies()
	for i, spec := range known.Columns {
		if in.Part.Presence(i) == column.NoRow && !mixed {
			continue
		}
		at, there := current.Index(spec.Name)
		if !there || !column.Same(current.Columns[at].Type, spec.Type) || mixed && current.Columns[at].Expression != spec.Expression {
			return fmt.Errorf("%w: column %q", ErrSchemaChanged, spec.Name)
		}
	}
	if mixed && !known.Computes(current) {
		return fmt.Errorf("%w: those that it computes itself", ErrSchemaChanged)
	}
	return nil
}

// waits reports whether the server answers an insert after it has written it,
// so that what it says of it is believed.
func (c *Config) waits(f Features) bool {
	if given, ok := c.Settings[settingAsync]; ok {
		return boolean(fmt.Sprint(given)) == "0"
	}
	return !f.has(settingAsync) || f.may(settingAsync, "0")
}

// check compares what a server says it has written with what it was sent. It
// counts the rows of materialized views too, so that more is no surprise; fewer
// are. Of an insert that it has put off, it knows nothing yet.
func (w *Written) check(sent int, waits bool) error {
	if !w.Known || w.Deduplicated || w.Rows >= int64(sent) {
		return nil
	}
	if !waits {
		w.Known = false
		return nil
	}
	return fmt.Errorf("%w: it says that it has written %d rows of %d", ErrNotStored, w.Rows, sent)
}

// given are the settings of every query.
func (c *Config) given() []settingValue {
	values := make([]settingValue, 0, len(c.Settings))
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		values = append(values, settingValue{name: name, value: c.Settings[name], must: true})
	}
	return values
}

// insertSettings are the settings of one INSERT: those of the user, and what is
// wished for where the server knows it, has another value, and lets this user
// change it. Deduplication is asked for, or refused, in the words that the server
// knows: of itself, some tables deduplicate by content and take equal rows for
// repetitions.
func (c *Config) insertSettings(f Features, in Insert, mixed bool) []settingValue {
	ours := ourSettings(mixed)
	values := slices.DeleteFunc(c.given(), func(v settingValue) bool { return ours[v.name] })
	wish := func(name, value string) {
		_, given := c.Settings[name]
		given = given && !ours[name]
		if s := f.settings[name]; !given && f.may(name, value) && !s.is(value) {
			values = append(values, settingValue{name: name, value: numberOr(value)})
		}
	}
	// Over HTTP, where the server does not show its columns first, it would wrap
	// numbers around that do not fit a column whose type was changed.
	if c.HTTP {
		wish(settingConversion, "0")
		wish(settingProgressHeaders, "0")
	}
	wish(settingAsync, "0") // batches are formed already: waiting for others gains nothing
	wish(settingBinaryTypesIn, "0")
	wish(settingBinaryTypesOut, "0")
	for _, name := range oneBlock {
		wish(name, wholeInsert)
	}
	if mixed {
		values = append(values, f.mixedSettings()...)
		wish(settingOddLow, "1") // the table has them
		wish(settingOddVariant, "1")
	}
	switch {
	case in.Deduplication == NoDeduplication && f.has(settingDeduplicateNew):
		wish(settingDeduplicateNew, "disable")
		wish(settingDeduplicateSelect, "disable")
	case in.Deduplication == NoDeduplication:
		wish(settingDeduplicate, "0")
	case in.Token == "" || !f.DeduplicationToken():
	default:
		values = append(values, settingValue{name: settingToken, value: in.Token, must: true})
		if f.has(settingDeduplicateNew) {
			wish(settingDeduplicateNew, "enable")
			// The server does not see that the order of the rows is always the same.
			wish(settingDeduplicateSelect, "enable_even_for_bad_queries")
		} else {
			wish(settingDeduplicate, "1")
		}
		wish(settingViews, "1")
		// Else two views of one table into another would give their rows one token.
		wish(settingViewTokens, "1")
	}
	return values
}

// numberOr keeps what is a number one, which old servers insist on.
func numberOr(value string) any {
	if n, err := strconv.Atoi(value); err == nil {
		return n
	}
	return value
}

// oneBlock are the settings by which a server makes one block again of the pieces
// of an insert, so that it stores all of them or none: a part that is stored
// before a later piece is refused would be stored again with the halves. They are
// not the user's to choose.
var oneBlock = []string{settingBlockRows, settingBlockBytes}

// ourSettings are those that are not the user's to choose.
func ourSettings(mixed bool) map[string]bool {
	ours := map[string]bool{}
	for _, name := range oneBlock {
		ours[name] = true
	}
	if mixed {
		for _, s := range mixedSettings {
			ours[s.name] = true
		}
	}
	return ours
}

// wholeInsert is more rows, and more bytes, than any insert has.
const wholeInsert = "1099511627776"

// pieceFor is how large the pieces of an insert may be: one piece is all of it
// where the user may not ask for one block.
func (c *Config) pieceFor(f Features) int {
	for _, name := range oneBlock {
		if !f.may(name, wholeInsert) {
			return math.MaxInt
		}
	}
	return c.Piece
}

// rows are the rows of an INSERT, column by column, on their way to a wire.
type rows struct {
	table    Table
	fields   []field // in the order of the statement
	from, to int
	size     int // rows of a piece

	mixture *mixture // nil where all rows have the fields
}

// field is one column of an INSERT.
type field struct {
	column.Spec
	values column.Column // nil without rows
}

// rowsOf takes the columns of a part that are there; of one whose rows lack different
// columns all, and what they lack: see mixed.go, as for short. A part is always cut into the same pieces.
func rowsOf(p column.Part, t Table, piece int, short bool) *rows {
	if piece <= 0 {
		piece = defaultPiece
	}
	r := &rows{table: t, from: p.From, to: p.To}
	if p.Varies() {
		r.mix(p.Block.Schema, p.Block.Columns, p.Block.Given, p.Presence, short)
	} else {
		for i, spec := range p.Block.Schema.Columns {
			if p.Presence(i) != column.NoRow {
				r.fields = append(r.fields, field{spec, p.Block.Columns[i]})
			}
		}
	}
	weight := max(1, p.Block.Weight/max(1, p.Block.Len()))
	r.size = max(1, piece/weight)
	return r
}

// emptyRows is an INSERT of no rows.
func emptyRows(s *column.Schema, t Table) *rows {
	r := &rows{table: t, size: 1}
	for _, spec := range s.Columns {
		r.fields = append(r.fields, field{Spec: spec})
	}
	return r
}

// sql names the columns: an INSERT without a list stores nothing, and says
// nothing, on old servers.
func (r *rows) sql() string {
	names := make([]string, len(r.fields))
	for i, f := range r.fields {
		names[i] = Quote(f.Name)
	}
	return "INSERT INTO " + r.table.SQL() + " (" + strings.Join(names, ", ") + ")"
}

// next cuts the next piece off; there is none when it is empty.
func (r *rows) next() (from, to int) {
	from, to = r.from, min(r.from+r.size, r.to)
	r.from = to
	return from, to
}
