package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// ErrNoFaults is returned when a server should show a fault that was not
// started with ClickHouseOptions.Faults, or is none of ours.
var ErrNoFaults = errors.New("the server was not started to show faults")

// Fault is something that a real server cannot be made to show at a chosen
// statement. Its parts are independent: what the answer is (Code, Page or Cut;
// the server's own when all are empty), and whether the statement is executed
// although its answer is lost (Execute). What the answer of a fault takes the
// place of is the end of the statement, when the data of an INSERT have been
// read, unless it is Early.
type Fault struct {
	// Statement is a regular expression that the text of the statement matches
	// somewhere, without the data of an INSERT; empty is every statement.
	Statement string
	// Times is how many statements are hit, at least 1.
	Times int

	// Settings hold for the statement as if the user's profile had them: what
	// the client sends with it goes before. readonly is not possible.
	Settings map[string]string

	// Execute runs the statement before its answer is lost. An error of its own
	// is answered all the same.
	Execute bool
	// Early answers before the data of an INSERT are asked for or read.
	Early bool

	// Code and Text are an exception. Over HTTP its status is that of the code,
	// or Status: with 200 the code is in the header and the text in the body.
	Code   int
	Text   string
	Status int
	// Page is the body of an answer 200 that is not ClickHouse's, as a proxy
	// gives. It exists over HTTP only: other statements are not hit.
	Page string
	// Cut closes the connection.
	Cut bool
	// Stall reads no more of the request, and does not answer, until ClearFaults
	// cuts the connection. Nothing is executed.
	Stall bool
}

// FaultyClickHouse is a ClickHouse that shows faults on demand, over every
// protocol that it speaks. StartClickHouse returns one for KindChDB with
// ClickHouseOptions.Faults:
//
//	faulty := ch.(stack.FaultyClickHouse)
//	err := faulty.AddFault(ctx, stack.Fault{Statement: "INSERT INTO ticks", Times: 1, Cut: true, Execute: true})
type FaultyClickHouse interface {
	ClickHouse
	// AddFault is for the next statements. Of several faults for one statement
	// the one that was added first is taken.
	AddFault(ctx context.Context, f Fault) error
	// FaultsLeft is how many statements are still to be hit.
	FaultsLeft(ctx context.Context) (int, error)
	// ClearFaults takes all faults away and ends those that hold a connection.
	ClearFaults(ctx context.Context) error
}

var _ FaultyClickHouse = (*clickhouseServer)(nil)

func (c *clickhouseServer) AddFault(ctx context.Context, f Fault) error {
	text, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("adding a fault: %w", err)
	}
	_, err = c.askFaults(ctx, http.MethodPost, text)
	return err
}

func (c *clickhouseServer) FaultsLeft(ctx context.Context) (int, error) {
	text, err := c.askFaults(ctx, http.MethodGet, nil)
	if err != nil {
		return 0, err
	}
	var left int
	if _, err := fmt.Sscan(text, &left); err != nil {
		return 0, fmt.Errorf("reading how many faults are left: %w", err)
	}
	return left, nil
}

func (c *clickhouseServer) ClearFaults(ctx context.Context) error {
	_, err := c.askFaults(ctx, http.MethodDelete, nil)
	return err
}

func (c *clickhouseServer) askFaults(ctx context.Context, method string, body []byte) (string, error) {
	if !c.faulty {
		return "", ErrNoFaults
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.http+"/faults", bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("asking for faults: %w", err)
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("asking for faults: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("asking for faults: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("asking for faults: HTTP %d: %s", resp.StatusCode, strings.TrimSpace(string(text)))
	}
	return string(text), nil
}
