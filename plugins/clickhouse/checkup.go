package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

var (
	_ checkup.Examiner = (*output)(nil)
	_ checkup.Taker    = (*output)(nil)
)

const (
	// clockTolerance is how far a server's clock may be from this machine's.
	clockTolerance = 5 * time.Second
	// leastFree is the share of a disk that should be free: merges need room too.
	leastFree = 0.1
)

// InHand implements checkup.Taker.
func (o *output) InHand() (inserting, waiting int) { return o.cfg.maxInFlight, o.cfg.maxBatches }

// Checkup implements checkup.Examiner: it looks at each server. What there is to
// say of the tables needs their names, which only records tell: see Try.
func (o *output) Checkup(ctx context.Context, _ checkup.Facts, _ *checkup.Sample, report *checkup.Report) {
	o.checkAsync(report)
	for _, n := range o.nodes() {
		n.checkup(ctx, report)
		_ = n.Close()
	}
}

// checkAsync looks at what the settings make of an insert's answer.
func (o *output) checkAsync(report *checkup.Report) {
	is := func(setting, value string) bool {
		v, given := o.cfg.server.Settings[setting]
		return given && strings.ReplaceAll(strings.ReplaceAll(fmt.Sprint(v), "true", "1"), "false", "0") == value
	}
	switch {
	case is(settingWait, "0"):
		report.Fail("inserts", fieldSettings+"."+settingWait, waitWarning, "leave it out, and async_insert as well")
	case is("async_insert", "1"):
		report.Warn("inserts", fieldSettings+".async_insert", "the server waits for more rows although batches are formed already: each insert takes longer, for nothing", "leave it out")
	}
}

// checkup looks at one server.
func (n node) checkup(ctx context.Context, report *checkup.Report) {
	if f, err := n.Features(ctx); err != nil {
		report.Unchecked("server", n.cfg.addressesField(), n.cfg.redact(err))
	} else {
		report.OK("server", n.cfg.addressesField(), "%s is ClickHouse %s", n.Address(), f.Version)
	}
	for _, check := range []struct {
		name string
		run  func(context.Context, *checkup.Report) error
	}{{"clock", n.checkClock}, {"disk", n.checkDisks}} {
		if err := check.run(ctx, report); err != nil {
			report.Unchecked(check.name, n.cfg.addressesField(), fmt.Errorf("%s: %w", n.Address(), n.cfg.redact(err)))
		}
	}
}

func (n node) checkClock(ctx context.Context, report *checkup.Report) error {
	begun := time.Now()
	seconds, err := server.Number(ctx, n, "SELECT toString(toUnixTimestamp(now()))")
	if err != nil {
		return err
	}
	here := begun.Add(time.Since(begun) / 2)
	if apart := here.Sub(time.Unix(seconds, 0)).Round(time.Second); apart.Abs() >= clockTolerance {
		report.Warn("clock", n.cfg.addressesField(),
			fmt.Sprintf("the clock of %s is %s off this machine's: columns that default to now(), TTLs and latencies do not agree with the records", n.Address(), apart.Abs()),
			"set both by NTP")
		return nil
	}
	report.OK("clock", n.cfg.addressesField(), "%s and this machine agree within %s", n.Address(), clockTolerance)
	return nil
}

func (n node) checkDisks(ctx context.Context, report *checkup.Report) error {
	rows, err := n.Texts(ctx, 3, "SELECT name, toString(free_space), toString(total_space) FROM system.disks")
	if err != nil {
		if code, ok := server.Code(err); ok && code == server.CodeUnknownTable {
			err = errors.New("a server of this age does not tell of its disks")
		}
		return err
	}
	for _, row := range rows {
		free, _ := strconv.ParseFloat(row[1], 64)
		total, _ := strconv.ParseFloat(row[2], 64)
		switch {
		case total == 0 || total >= 1<<62: // a store of objects
		case free < leastFree*total:
			report.Warn("disk", n.cfg.addressesField(), fmt.Sprintf("disk %q of %s has %.1f GiB free, %.0f %%: merges need room, and a full disk refuses inserts", row[0], n.Address(), free/(1<<30), 100*free/total),
				"make room, or shorten the TTL of large tables")
		default:
			report.OK("disk", n.cfg.addressesField(), "disk %q of %s has %.1f GiB free, %.0f %%", row[0], n.Address(), free/(1<<30), 100*free/total)
		}
	}
	return nil
}
