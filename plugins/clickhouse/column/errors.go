package column

import (
	"errors"
	"fmt"
)

// Why a column does not take a value. Every error of an Append wraps one of
// these or is a *KindError, but for those that tell sizes.
var (
	ErrNull      = errors.New("null, but the column is not Nullable")
	ErrDuplicate = errors.New("the field is given twice")

	ErrNotANumber = errors.New("not a number")
	ErrRange      = errors.New("out of range")
	ErrPrecision  = errors.New("loses precision")

	ErrNotATime  = errors.New("not a time: RFC 3339, \"2006-01-02 15:04:05\" or \"2006-01-02\" is accepted")
	ErrNotADate  = errors.New("not a date: \"2006-01-02\" is accepted")
	ErrNotAClock = errors.New("not a time of the day: \"15:04:05\" is accepted")
	ErrEpoch     = errors.New("an epoch number, whose unit is not known: set epoch_unit")

	ErrNotAUUID  = errors.New("not a UUID")
	ErrNotEnum   = errors.New("not a value of the enum")
	ErrNotAnIP   = errors.New("not an IP address")
	ErrNoElement = errors.New("the tuple has no element of that name")
	ErrNoVariant = errors.New("no type of the Variant takes it")
)

// KindError says that a value is of a kind that the column does not take.
type KindError struct {
	Kind Kind
	Want string
}

func (e *KindError) Error() string { return fmt.Sprintf("%s where %s is expected", e.Kind, e.Want) }

// WrongKind says that a value is of a kind that the column does not take; of
// null, that the column is not Nullable.
func WrongKind(v *Value, want string) error {
	if v.Kind == KindNull {
		return ErrNull
	}
	return &KindError{v.Kind, want}
}
