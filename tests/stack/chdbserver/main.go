// Command chdbserver serves chDB, the current ClickHouse engine as a library,
// over the parts of ClickHouse's HTTP interface and of its native protocol that
// clickhouse-go uses. It exists for tests and demos: one machine, one user, loopback.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "chdbserver:", err)
		os.Exit(1)
	}
}

func serve() error {
	library := flag.String("library", "", "path of libchdb.so")
	listen := flag.String("listen", "127.0.0.1:0", "address of the HTTP interface")
	native := flag.String("native-listen", "", "address of the native protocol; none when empty")
	faulty := flag.Bool("faults", false, "let tests ask for faults at /faults of the HTTP interface")
	path := flag.String("path", "", "folder of the data")
	var secure secureFlags
	secure.define()
	flag.Parse()

	engine, err := openEngine(*library, *path)
	if err != nil {
		return err
	}
	defer engine.close()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// The password comes by the environment: arguments can be read by everybody.
	h := &handler{engine: engine, user: "default", password: os.Getenv("CHDB_PASSWORD"), spool: os.TempDir()}
	if *faulty {
		h.faults = newFaults()
	}
	conf, err := secure.config()
	if err != nil {
		return err
	}
	servers := secure.add(&http.Server{Addr: *listen, Handler: h}, conf)
	failed := make(chan error, len(servers)+2)
	tcp, err := serveNative(h, map[string]*tls.Config{*native: nil, secure.native: conf}, failed)
	if err != nil {
		return err
	}
	defer tcp.close()
	for _, s := range servers {
		go func() { failed <- listenAndServe(s) }()
	}
	select {
	case err := <-failed:
		return fmt.Errorf("listening: %w", err)
	case <-ctx.Done():
	}
	h.faults.clear()
	grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Shutdown(grace), s.Close())
	}
	return errors.Join(errs...)
}

// serveNative serves the native protocol at the addresses that are not empty.
func serveNative(h *handler, addresses map[string]*tls.Config, failed chan<- error) (*nativeServer, error) {
	s, err := newNativeServer(h)
	if err != nil {
		return nil, err
	}
	for addr, conf := range addresses {
		if addr == "" {
			continue
		}
		l, err := s.listen(addr, conf)
		if err != nil {
			s.close()
			return nil, err
		}
		go func() {
			if err := s.serve(l); err != nil {
				failed <- err
			}
		}()
	}
	return s, nil
}
