// Command chdbserver serves chDB, the current ClickHouse engine as a library,
// over the part of ClickHouse's HTTP interface that clickhouse-go uses. It
// exists for tests and demos: one machine, one user, loopback.
package main

import (
	"context"
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
	server := &http.Server{
		Addr:    *listen,
		Handler: &handler{engine: engine, user: "default", password: os.Getenv("CHDB_PASSWORD"), spool: os.TempDir()},
	}
	servers, err := secure.add(server)
	if err != nil {
		return err
	}
	failed := make(chan error, len(servers))
	for _, s := range servers {
		go func() { failed <- listenAndServe(s) }()
	}
	select {
	case err := <-failed:
		return fmt.Errorf("listening: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Shutdown(grace), s.Close())
	}
	return errors.Join(errs...)
}
