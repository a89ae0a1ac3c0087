package json

import (
	"fmt"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// Path is the way to one value of a record. It is not changed by its use, and
// safe for concurrent use.
type Path struct {
	text  string
	steps []step
}

// step is one name of a path.
type step struct {
	name   string
	quoted string // as keyText spells it
}

// NewPath returns the path of the given names; text is what messages call it.
// Without names it leads to the record as a whole.
func NewPath(text string, names []string) Path {
	p := Path{text: text}
	for _, name := range names {
		p.steps = append(p.steps, step{name, keyText(name)})
	}
	return p
}

// Find sets v to the path's value in one record; the rest of the record is
// neither read nor checked. found is false if there is no such field, or one of
// the path's parents is null.
func (p *Path) Find(record []byte, v *column.Value) (found bool, err error) {
	s := scanner{buf: record}
	s.skipMark()
	if s.next() != '{' {
		return false, s.fail("an object")
	}
	for depth, step := range p.steps {
		switch s.next() {
		case '{':
			s.pos++
			if found, err := s.seek(step, v, depth+1); err != nil || !found {
				return false, err
			}
		case 'n':
			return false, s.literal(v, "null", column.KindNull)
		default:
			if err := s.scan(v, depth); err != nil {
				return false, err
			}
			return false, fmt.Errorf("%s where an object is expected, on the way to %s", v.Kind, p.text)
		}
	}
	return true, s.scan(v, len(p.steps))
}

// seek goes to the value of a member of the object that the scanner stands in,
// after its brace. It uses v for what it steps over.
func (s *scanner) seek(to step, v *column.Value, depth int) (found bool, err error) {
	if s.next() == '}' {
		s.pos++
		return false, nil
	}
	for {
		if s.isKey(to.quoted) {
			return true, nil
		}
		if err := s.key(v); err != nil {
			return false, err
		}
		if v.Text() == to.name {
			return true, nil
		}
		if err := s.scan(v, depth); err != nil {
			return false, err
		}
		switch s.next() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			return false, nil
		default:
			return false, s.fail("a comma or the end of the object")
		}
	}
}
