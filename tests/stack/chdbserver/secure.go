package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net/http"
	"os"
)

// secureFlags describe the same interfaces over TLS, if they are asked for.
type secureFlags struct {
	listen, native, cert, key, clientCA string
}

func (f *secureFlags) define() {
	flag.StringVar(&f.listen, "tls-listen", "", "address of the HTTPS interface; none when empty")
	flag.StringVar(&f.native, "native-tls-listen", "", "address of the native protocol over TLS; none when empty")
	flag.StringVar(&f.cert, "tls-cert", "", "certificate of both, a PEM file")
	flag.StringVar(&f.key, "tls-key", "", "its private key, a PEM file")
	flag.StringVar(&f.clientCA, "tls-client-ca", "", "authority of the certificates that clients have to show; none when empty")
}

// config is what both interfaces have in common, nil when none is asked for.
func (f *secureFlags) config() (*tls.Config, error) {
	if f.listen == "" && f.native == "" {
		return nil, nil
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
	return conf, nil
}

// add returns the plain server and, if it is asked for, its twin over TLS.
func (f *secureFlags) add(plain *http.Server, conf *tls.Config) []*http.Server {
	if f.listen == "" {
		return []*http.Server{plain}
	}
	return []*http.Server{plain, {Addr: f.listen, Handler: plain.Handler, TLSConfig: conf.Clone()}}
}

func listenAndServe(server *http.Server) error {
	if server.TLSConfig != nil {
		return server.ListenAndServeTLS("", "")
	}
	return server.ListenAndServe()
}
