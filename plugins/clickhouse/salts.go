package clickhouse

import (
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/google/uuid"
)

// mostSalts bounds how many deliveries are remembered that were handed back.
const mostSalts = 1024

// salts give the rows that have no position in a source something to be told
// apart by: a delivery's salt goes into the tokens of its inserts. A delivery that
// was handed back to the buffer, for its own sake or another's, gets the same one when it comes again, by the flight of the buffer that it belongs to
// and by its bytes, so that the server recognises the insert. It is safe for
// concurrent use.
type salts struct {
	mu    sync.Mutex
	kept  map[saltKey][]string
	order []saltKey
}

type saltKey struct {
	flight string
	rows   int
	hash   uint64
}

func saltKeyOf(d *delivery) saltKey {
	h := xxhash.New()
	for _, r := range d.records {
		_, _ = h.Write(r.data)
		_, _ = h.Write([]byte{0})
	}
	return saltKey{flight: d.flight, rows: len(d.records), hash: h.Sum64()}
}

// of returns the delivery's salt.
func (s *salts) of(d *delivery) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.salt == "" && d.flight != "" && len(s.kept) > 0 {
		d.salt = s.take(saltKeyOf(d))
	}
	if d.salt == "" {
		d.salt = uuid.NewString()
	}
	return d.salt
}

func (s *salts) take(key saltKey) string {
	list := s.kept[key]
	if len(list) == 0 {
		return ""
	}
	if len(list) == 1 {
		delete(s.kept, key)
	} else {
		s.kept[key] = list[1:]
	}
	return list[0]
}

// keep remembers the salt of a delivery that is handed back.
func (s *salts) keep(d *delivery) {
	if d.salt == "" || d.flight == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[saltKey][]string{}
	}
	key := saltKeyOf(d)
	s.kept[key] = append(s.kept[key], d.salt)
	s.order = append(s.order, key)
	if len(s.order) > mostSalts {
		s.take(s.order[0])
		s.order = s.order[1:]
	}
}
