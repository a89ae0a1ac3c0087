package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net/http"
	"os"
)

// secureFlags describe the same interface over TLS, if it is asked for.
type secureFlags struct {
	listen, cert, key, clientCA string
}

func (f *secureFlags) define() {
	flag.StringVar(&f.listen, "tls-listen", "", "address of the HTTPS interface; none when empty")
	flag.StringVar(&f.cert, "tls-cert", "", "its certificate, a PEM file")
	flag.StringVar(&f.key, "tls-key", "", "its private key, a PEM file")
	flag.StringVar(&f.clientCA, "tls-client-ca", "", "authority of the certificates that clients have to show; none when empty")
}

// add returns the plain server and, if it is asked for, its twin over TLS.
func (f *secureFlags) add(plain *http.Server) ([]*http.Server, error) {
	if f.listen == "" {
		return []*http.Server{plain}, nil
	}
	cert, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if f.clientCA != "" {
		pem, err := os.ReadFile(f.clientCA)
		if err != nil {
			return nil, fmt.Errorf("reading the clients' authority: %w", err)
		}
		conf.ClientCAs, conf.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		conf.ClientCAs.AppendCertsFromPEM(pem)
	}
	return []*http.Server{plain, {Addr: f.listen, Handler: plain.Handler, TLSConfig: conf}}, nil
}

func listenAndServe(server *http.Server) error {
	if server.TLSConfig != nil {
		return server.ListenAndServeTLS("", "")
	}
	return server.ListenAndServe()
}
