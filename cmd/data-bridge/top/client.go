package top

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// silence is for how long there may be no event, of which there is one a second.
	silence = 5 * time.Second
	// largestEvent bounds one event, in bytes: those that begin have an hour of samples.
	largestEvent = 64 << 20
	// crowded is how long to wait where newer readers took our place.
	crowded = 30 * time.Second
)

// event is one server-sent event.
type event struct {
	name string
	data []byte
}

var (
	errEnough  = errors.New("enough")
	errFull    = errors.New("too many read it, and newer ones took our place")
	errSilent  = fmt.Errorf("it has said nothing for %s", silence)
	errEnded   = errors.New("it ended the connection")
	errRefused = errors.New("") // the answer will be the same next time; see refusal
)

// refusal is an answer that trying again does not change.
type refusal struct{ why string }

func (r *refusal) Error() string        { return r.why }
func (r *refusal) Is(target error) bool { return target == errRefused }

// client reads the events of one listener.
type client struct {
	options Options
	http    *http.Client
}

func newClient(o Options) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = o.TLS
	transport.DisableCompression = true
	transport.DisableKeepAlives = true
	transport.ResponseHeaderTimeout = 2 * silence
	return &client{options: o, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // credentials stay here
	}}
}

// read hands the events of one connection to take, until that fails, the connection
// ends, or ctx does. The error says why; it is never nil.
func (c *client) read(ctx context.Context, take func(event) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.options.Events.String(), nil)
	if err != nil {
		return err
	}
	switch o := c.options; {
	case o.Token != "":
		req.Header.Set("Authorization", "Bearer "+o.Token)
	case o.Username != "":
		req.SetBasicAuth(o.Username, o.Password)
	}
	watchdog := time.AfterFunc(3*silence, func() { cancel(errSilent) })
	defer watchdog.Stop()
	resp, err := c.http.Do(req)
	if err != nil {
		return causeOf(ctx, err)
	}
	defer resp.Body.Close()
	if err := c.check(resp); err != nil {
		return err
	}
	err = scan(resp.Body, func(e event) error {
		watchdog.Reset(silence)
		if e.name == "full" {
			return errFull
		}
		return take(e)
	})
	return causeOf(ctx, err)
}

// causeOf prefers why we ended a connection to what came of it.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err // the address is named by explain
	}
	return err
}

// check says why an answer is none that has events.
func (c *client) check(resp *http.Response) error {
	media := resp.Header.Get("Content-Type")
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		why := "it asks for " + wanted(resp.Header.Values("WWW-Authenticate"))
		if c.options.Token != "" || c.options.Username != "" {
			why = "it does not take the credentials; " + why
		}
		return &refusal{why}
	case resp.StatusCode == http.StatusOK && strings.HasPrefix(media, "text/event-stream"):
		return nil
	case resp.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("it answers %s", resp.Status)
	case resp.StatusCode == http.StatusOK:
		return &refusal{"what answers is no status listener of data-bridge"}
	}
	return &refusal{fmt.Sprintf("it answers %s: is that the address of a status listener (status_server.address)?", resp.Status)}
}

// wanted words what a listener lets in.
func wanted(challenges []string) string {
	var ways []string
	for _, challenge := range challenges {
		switch scheme, _, _ := strings.Cut(challenge, " "); strings.ToLower(scheme) {
		case "basic":
			ways = append(ways, "a user and a password (set "+varUsername+" and "+varPassword+")")
		case "bearer":
			ways = append(ways, "a token (set "+varToken+")")
		}
	}
	if len(ways) == 0 {
		return "credentials of a kind that top does not know"
	}
	return strings.Join(ways, " or ")
}

// explain names the address that an error is about.
func (c *client) explain(err error) error {
	return fmt.Errorf("reading %s: %w", c.options.Events, err)
}

// scan reads server-sent events until take fails or they end, which is an error too.
func scan(r io.Reader, take func(event) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, largestEvent)
	var e event
	for lines.Scan() {
		field, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			e.name = string(value)
		case "data":
			e.data = append(e.data, value...)
		case "":
			if len(lines.Bytes()) > 0 { // a comment
				continue
			}
			if e.name != "" {
				if err := take(e); err != nil {
					return err
				}
			}
			e = event{}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return errEnded
}

// backOff gives the waits between attempts: doubling from a second to fifteen.
type backOff struct{ attempts int }

func (b *backOff) next(err error) time.Duration {
	if errors.Is(err, errFull) {
		return crowded
	}
	wait := time.Second << min(b.attempts, 4)
	b.attempts++
	return min(wait, 15*time.Second)
}
