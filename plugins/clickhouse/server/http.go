package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// httpWire speaks HTTP.
type httpWire struct {
	replica   *Replica
	client    *http.Client
	transport *http.Transport
	stop      context.CancelCauseFunc // ends what runs
	stopped   context.Context         //nolint:containedctx // it ends with close
	encoders  sync.Pool
}

func newHTTPWire(r *Replica) *httpWire {
	w := &httpWire{replica: r}
	w.stopped, w.stop = context.WithCancelCause(context.Background())
	w.encoders.New = func() any { return newFrames(r.cfg.Compression) }
	w.transport = &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         w.dial,
		TLSHandshakeTimeout: r.cfg.DialTimeout,
		MaxIdleConnsPerHost: r.cfg.Inserts + spareConns,
		DisableCompression:  true,
	}
	if r.cfg.TLS != nil {
		// Each connection takes the certificates that there are then.
		w.transport.DialTLSContext = w.dialTLS
	}
	w.client = &http.Client{
		Transport:     w.transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w
}

// close implements wire.
func (w *httpWire) close() {
	w.stop(ErrClosed)
	w.transport.CloseIdleConnections()
}

func (w *httpWire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, w.replica.cfg.DialTimeout)
	defer cancel()
	conn, err := w.replica.cfg.dial(ctx, network, address)
	if err != nil {
		return nil, &DialError{Address: w.replica.address, Err: err}
	}
	w.replica.dials.Add(1)
	return conn, nil
}

func (w *httpWire) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	secure, err := w.replica.cfg.tlsFor(w.replica.host)
	if err != nil {
		return nil, &DialError{Address: w.replica.address, Err: err}
	}
	plain, err := w.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, w.replica.cfg.DialTimeout)
	defer cancel()
	conn := tls.Client(plain, secure)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = plain.Close()
		return nil, &DialError{Address: w.replica.address, Err: err}
	}
	return conn, nil
}

// ping implements wire.
func (w *httpWire) ping(ctx context.Context) error {
	q := w.replica.statement("SELECT toString(1)")
	q.columns = 1
	return w.query(ctx, q, func([]string) {})
}

// query implements wire. The rows come as RowBinary, whose texts look as those
// of the native protocol, and which no setting changes.
func (w *httpWire) query(ctx context.Context, q statement, row func([]string)) error {
	format := "Null"
	if row != nil {
		format = "RowBinary"
	}
	params := w.params(q)
	params.Set("default_format", format)
	// Else what goes wrong half way through comes in the middle of the rows.
	params.Set("wait_end_of_query", "1")
	return w.post(ctx, params, strings.NewReader(q.sql), func(a *httpAnswer) error {
		if row == nil {
			return nil
		}
		return readRows(bytes.NewReader(a.body), q.columns, row)
	})
}

// readRows reads what RowBinary holds of so many columns, all of them texts.
func readRows(body *bytes.Reader, columns int, row func([]string)) error {
	if columns < 1 {
		return fmt.Errorf("%d columns are asked for", columns)
	}
	from := bufio.NewReaderSize(body, readBufferSize)
	p := newPackets(from)
	for body.Len()+from.Buffered() > 0 {
		texts := make([]string, columns)
		for i := range texts {
			var err error
			if texts[i], err = p.str(); err != nil {
				return fmt.Errorf("%w: %w", errUnexpected, err)
			}
		}
		row(texts)
	}
	return nil
}

// insert implements wire.
func (w *httpWire) insert(ctx context.Context, q statement, rows *rows) (written Written, err error) {
	params := w.params(q)
	data := &body{whole: *rows, rows: *rows, frames: &frames{}, contentType: plainContent, length: -1}
	if rows.mixture == nil {
		params.Set("query", rows.sql()+" FORMAT Native")
		encoder := w.encoders.Get().(*frames) //nolint:forcetypeassert // by New
		defer w.encoders.Put(encoder)
		if data.frames = encoder; encoder.compressor != nil {
			params.Set("decompress", "1")
		}
	} else if err := data.wrap(); err != nil {
		return written, err
	}
	err = w.post(ctx, params, data, func(a *httpAnswer) (err error) {
		written, err = a.written()
		return err
	})
	// The transport may still be at it.
	if failed := data.end(); failed != nil && err != nil {
		err = failed
	}
	return written, err
}

// params are the parameters of a request: the database, the query's id and its
// settings.
func (w *httpWire) params(q statement) url.Values {
	params := url.Values{}
	for _, s := range q.settings {
		params.Set(s.name, s.text())
	}
	if w.replica.cfg.Database != "" {
		params.Set("database", w.replica.cfg.Database)
	}
	params.Set("query_id", q.id)
	return params
}

// post sends a request and judges the answer before it is looked at.
func (w *httpWire) post(ctx context.Context, params url.Values, data io.Reader, look func(*httpAnswer) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(w.stopped, func() { cancel(ErrClosed) })()
	if w.stopped.Err() != nil {
		return ErrClosed
	}
	req, err := w.request(ctx, params, data)
	if err != nil {
		return err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		var closed *url.Error
		if errors.As(err, &closed) { // whose text has the whole URL
			err = closed.Err
		}
		return err
	}
	defer resp.Body.Close()
	a, err := readAnswer(resp)
	if err != nil {
		return err
	}
	return look(a)
}

// request names the user as the server wants it: by headers over TLS, and in
// the common way else.
func (w *httpWire) request(ctx context.Context, params url.Values, data io.Reader) (*http.Request, error) {
	who, err := w.replica.cfg.credentials()
	if err != nil {
		return nil, &DialError{Address: w.replica.address, Err: err}
	}
	target := url.URL{Scheme: "http", Host: w.replica.address, Path: "/", RawQuery: params.Encode()}
	if w.replica.cfg.TLS != nil {
		target.Scheme = "https"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), data)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", clientName)
	contentType := plainContent
	if rows, ok := data.(*body); ok {
		req.GetBody = rows.again // where nothing was sent, by a connection that was closed meanwhile
		req.ContentLength = rows.length
		req.Close = rows.whole.mixture != nil && rows.whole.mixture.last
		contentType = rows.contentType
	} else {
		req.Header["X-Idempotency-Key"] = nil // not sent: questions may be asked again
	}
	req.Header.Set("Content-Type", contentType)
	switch {
	case who.jwt != "":
		req.Header.Set("Authorization", "Bearer "+who.jwt)
	case w.replica.cfg.TLS == nil:
		if who.username != "" {
			req.SetBasicAuth(who.username, who.password)
		}
	case who.username != "":
		req.Header.Set("X-ClickHouse-User", who.username)
		if who.password != "" {
			req.Header.Set("X-ClickHouse-Key", who.password)
		} else if w.certified() {
			req.Header.Set("X-ClickHouse-SSL-Certificate-Auth", "on")
		}
	}
	return req, nil
}

// certified reports whether a client certificate stands for a password.
func (w *httpWire) certified() bool {
	conf, err := w.replica.cfg.TLS()
	return err == nil && len(conf.Certificates) > 0
}
