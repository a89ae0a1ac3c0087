package column

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// On the last day of a leap year, ZoneBounds of a zone that goes by a rule names
// an end that is past. Where zone files are of the slim kind that is so today,
// with others from 2037 on: to go from one end to the next never ended.
func TestLocalTimesAroundTheNewYear(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "Pacific/Apia"} {
		loc, err := time.LoadLocation(name)
		require.NoError(t, err)
		for _, year := range []int{2024, 2027, 2028, 2036, 2040, 2056, 2099} {
			for day := 28; day < 36; day++ {
				z := zone{loc: loc}
				noon := time.Date(year, 12, day, 12, 0, 0, 0, time.UTC)
				got := z.instant(noon.Unix()/86400, 12*3600)
				require.Equal(t, time.Date(year, 12, day, 12, 0, 0, 0, loc).Unix(), got, "%s in %s", noon, name)
			}
		}
	}
}
