package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"sync/atomic"
	"unsafe"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"
	"gopkg.in/yaml.v3"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/secret"
)

// loopbackHTTP is where the host's HTTP server listens unless a config says
// otherwise: the host's own default is every interface.
const loopbackHTTP = "127.0.0.1:4195"

// flagAPI asks for the HTTP API of streams mode.
const flagAPI = "api"

// httpAPI keeps the host's HTTP server from what nobody asked for. The host lets
// whoever reaches it make streams in streams mode, which may run any program, from
// any web page too, and shows their configuration with all passwords. So it is told
// to offer no such API; where --api asks for one, the same handlers are registered
// here, behind a guard. All methods are called by the host, one after the other.
type httpAPI struct {
	asked bool

	guard   *guard
	log     *service.Logger
	host    endpoints
	streams atomic.Pointer[streamsManager] // nil until there is one
}

// endpoints is what is needed of the host's manager. What is registered later stands
// in the place of what was registered for the same path.
type endpoints interface {
	RegisterEndpoint(path, desc string, h http.HandlerFunc)
}

// apiFlags are those of run and streams.
func apiFlags() []cli.Flag {
	return []cli.Flag{&cli.BoolFlag{
		Name:  flagAPI,
		Usage: "streams mode: offer the HTTP API that makes, changes and removes streams and resources, which may run any program as the user of this process. Beyond loopback it takes http.basic_auth",
	}}
}

// note takes the command line down before the host looks at it.
func (a *httpAPI) note(c *cli.Context) error {
	if c.Command.Name != "streams" {
		return nil
	}
	a.asked = c.Bool(flagAPI) && !c.Bool("no-api")
	return c.Set("no-api", "true")
}

// announce is called with the configuration before any stream starts.
func (a *httpAPI) announce(conf *service.ParsedConfig) error {
	host, err := managerOf(conf.Resources())
	if err != nil {
		return err
	}
	a.host, a.log = host, conf.Resources().Logger()
	if debug, err := conf.FieldBool("http", "debug_endpoints"); err == nil && debug {
		a.hideSecrets(conf)
	}
	if !a.asked {
		return nil
	}
	address, err := conf.FieldString("http", "address")
	if err != nil {
		return err
	}
	password, err := conf.FieldBool("http", "basic_auth", "enabled")
	if err != nil {
		return err
	}
	if !password && !loopback(address) {
		return fmt.Errorf("--%s lets whoever reaches http.address (%s) run programs on this host: set http.basic_auth, or an address of this host alone such as %s",
			flagAPI, address, loopbackHTTP)
	}
	a.guard = newGuard(address, password)
	a.register()
	return nil
}

// loopback reports whether only this host reaches an address to listen on.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// hideSecrets puts endpoints in the place of the host's that show the configuration
// and leave in it what stands in URLs and in fields that no schema knows as secret.
func (a *httpAPI) hideSecrets(conf *service.ParsedConfig) {
	show := func(marshal func(any) ([]byte, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			root, err := plain(conf)
			if err == nil {
				var text []byte
				if text, err = marshal(secret.Of(root, schema()).Tree(root)); err == nil {
					_, _ = w.Write(text)
					return
				}
			}
			http.Error(w, "the configuration cannot be shown", http.StatusBadGateway)
		}
	}
	a.host.RegisterEndpoint("/debug/config/json", "DEBUG: Returns the loaded config as JSON, without secrets.", show(json.Marshal))
	a.host.RegisterEndpoint("/debug/config/yaml", "DEBUG: Returns the loaded config as YAML, without secrets.", show(yaml.Marshal))
}

// plain is a parsed configuration as maps, lists and scalars.
func plain(conf *service.ParsedConfig) (root any, err error) {
	parsed, err := conf.FieldAny()
	if err != nil {
		return nil, err
	}
	text, err := yaml.Marshal(parsed)
	if err != nil {
		return nil, err
	}
	return root, yaml.Unmarshal(text, &root)
}

// streamsManager is what makes streams in streams mode.
type streamsManager interface {
	HandleResourceCRUD(w http.ResponseWriter, r *http.Request)
	HandleStreamsCRUD(w http.ResponseWriter, r *http.Request)
	HandleStreamCRUD(w http.ResponseWriter, r *http.Request)
	HandleStreamStats(w http.ResponseWriter, r *http.Request)
}

// register registers the endpoints of the API before there are streams: the host's
// server answers already, and its router must not change while it does.
func (a *httpAPI) register() {
	for _, e := range []struct {
		path, desc string
		h          func(streamsManager) http.HandlerFunc
	}{
		{
			"/resources/{type}/{id}", "POST: Create or replace a resource: a cache, input, output, processor or rate_limit.",
			func(s streamsManager) http.HandlerFunc { return s.HandleResourceCRUD },
		},
		{
			"/streams/{id}/stats", "GET: The metrics of the stream.",
			func(s streamsManager) http.HandlerFunc { return s.HandleStreamStats },
		},
		{
			"/streams/{id}", "POST, GET, PUT, PATCH or DELETE a stream. GET shows no secret.",
			func(s streamsManager) http.HandlerFunc { return withoutSecrets(s.HandleStreamCRUD) },
		},
		{
			"/streams", "GET: List all streams. POST: Replace all streams by those of the body.",
			func(s streamsManager) http.HandlerFunc { return s.HandleStreamsCRUD },
		},
	} {
		a.host.RegisterEndpoint(e.path, e.desc, a.guard.before(func(w http.ResponseWriter, r *http.Request) {
			streams := a.streams.Load()
			if streams == nil {
				w.Header().Set("Retry-After", "1")
				http.Error(w, "the streams are being started", http.StatusServiceUnavailable)
				return
			}
			e.h(*streams)(w, r)
		}, a.log))
	}
}

// serve is called when the streams have been started.
func (a *httpAPI) serve(s *service.RunningStreamSummary) error {
	if a.guard == nil {
		return nil
	}
	streams, err := streamsOf(s)
	if err != nil {
		return err
	}
	a.streams.Store(&streams)
	a.log.Info("The HTTP API of streams mode is open (--" + flagAPI + ")")
	return nil
}

// errHost says that the host is not as it was when this was written.
var errHost = errors.New("the host is not built as expected: its HTTP API cannot be guarded")

// managerOf is the host's manager, which has no public name.
func managerOf(res *service.Resources) (endpoints, error) {
	unwrap := reflect.ValueOf(res.XUnwrapper()).MethodByName("Unwrap")
	if !unwrap.IsValid() || unwrap.Type().NumIn() != 0 || unwrap.Type().NumOut() != 1 {
		return nil, errHost
	}
	host, ok := unwrap.Call(nil)[0].Interface().(endpoints)
	if !ok {
		return nil, errHost
	}
	return host, nil
}

// streamsOf is the host's manager of streams: its handlers are public, the way to it
// is not.
func streamsOf(s *service.RunningStreamSummary) (streamsManager, error) {
	field := reflect.ValueOf(s).Elem().FieldByName("c")
	if !field.IsValid() || field.Kind() != reflect.Interface || !field.CanAddr() {
		return nil, errHost
	}
	streams, ok := reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Interface().(streamsManager)
	if !ok {
		return nil, errHost
	}
	return streams, nil
}
