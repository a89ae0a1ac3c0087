package column

// room is how many values recent blocks had at most, fading: what memory a column
// keeps goes by it, so that a burst does not stay for ever.
type room int

// sparedRoom is how many values a column may keep room for, whatever it has had.
const sparedRoom = 1024

// note takes the number of values of a block, and reports whether the room for so
// many is too much.
func (r *room) note(used, capacity int) (tooMuch bool) {
	*r = room(max(used, int(*r)-int(*r)/4))
	return capacity > sparedRoom && capacity > 4*int(*r)
}

// emptied returns a slice without values, with the room that it is to keep.
func emptied[T any](values []T, r *room) []T {
	if r.note(len(values), cap(values)) {
		return make([]T, 0, int(*r))
	}
	return values[:0]
}
