package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
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
	for _, c := range newClusters(&o.cfg, o.log, &o.metrics) {
		for _, r := range c.replicas {
			r.checkup(ctx, report)
			_ = r.close()
		}
	}
}

// checkAsync looks at what the settings make of an insert's answer.
func (o *output) checkAsync(report *checkup.Report) {
	on := func(setting string) bool {
		v := fmt.Sprint(o.cfg.settings[setting])
		return v == "1" || v == "true"
	}
	_, waitGiven := o.cfg.settings["wait_for_async_insert"]
	switch {
	case !on("async_insert"):
	case waitGiven && !on("wait_for_async_insert"):
		report.Fail("inserts", fieldSettings+".wait_for_async_insert",
			"inserts are answered before they are stored: sources are acknowledged for rows that a crash of the server loses", "leave it out, and async_insert as well")
	default:
		report.Warn("inserts", fieldSettings+".async_insert", "the server waits for more rows although batches are formed already: each insert takes longer, for nothing", "leave it out")
	}
}

// checkup looks at one server.
func (r *replica) checkup(ctx context.Context, report *checkup.Report) {
	if f, err := r.features(ctx); err != nil {
		report.Unchecked("server", r.cfg.addressesField(), r.cfg.redact(err))
	} else {
		report.OK("server", r.cfg.addressesField(), "%s is ClickHouse %s", r.address, f.version)
	}
	for _, check := range []struct {
		name, field string
		run         func(context.Context, driver.Conn, *checkup.Report) error
	}{
		{"clock", r.cfg.addressesField(), r.checkClock},
		{"disk", r.cfg.addressesField(), r.checkDisks},
	} {
		if err := r.asking(ctx, func(ctx context.Context, conn driver.Conn) error { return check.run(ctx, conn, report) }); err != nil {
			report.Unchecked(check.name, check.field, fmt.Errorf("%s: %w", r.address, r.cfg.redact(err)))
		}
	}
}

// asking calls fn with a connection, within the time that an answer may take.
func (r *replica) asking(ctx context.Context, fn func(context.Context, driver.Conn) error) error {
	conn, err := r.conn()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.readTimeout)
	defer cancel()
	return fn(ctx, conn)
}

func (r *replica) checkClock(ctx context.Context, conn driver.Conn, report *checkup.Report) error {
	begun := time.Now()
	seconds, err := scanWindow(ctx, conn, "SELECT toString(toUnixTimestamp(now()))")
	if err != nil {
		return err
	}
	here := begun.Add(time.Since(begun) / 2)
	if apart := here.Sub(time.Unix(seconds, 0)).Round(time.Second); apart.Abs() >= clockTolerance {
		report.Warn("clock", r.cfg.addressesField(),
			fmt.Sprintf("the clock of %s is %s off this machine's: columns that default to now(), TTLs and latencies do not agree with the records", r.address, apart.Abs()),
			"set both by NTP")
		return nil
	}
	report.OK("clock", r.cfg.addressesField(), "%s and this machine agree within %s", r.address, clockTolerance)
	return nil
}

func (r *replica) checkDisks(ctx context.Context, conn driver.Conn, report *checkup.Report) error {
	rows, err := readTexts(ctx, conn, 3, "SELECT name, toString(free_space), toString(total_space) FROM system.disks")
	if err != nil {
		if code, ok := serverCode(err); ok && code == codeUnknownTable {
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
			report.Warn("disk", r.cfg.addressesField(), fmt.Sprintf("disk %q of %s has %.1f GiB free, %.0f %%: merges need room, and a full disk refuses inserts", row[0], r.address, free/(1<<30), 100*free/total),
				"make room, or shorten the TTL of large tables")
		default:
			report.OK("disk", r.cfg.addressesField(), "disk %q of %s has %.1f GiB free, %.0f %%", row[0], r.address, free/(1<<30), 100*free/total)
		}
	}
	return nil
}

// readTexts reads rows of so many columns of text.
func readTexts(ctx context.Context, conn driver.Conn, columns int, sql string) (texts [][]string, err error) {
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		row := make([]string, columns)
		targets := make([]any, columns)
		for i := range row {
			targets[i] = &row[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		texts = append(texts, row)
	}
	return texts, rows.Err()
}
