package topology

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"
)

// Watch has every stream judged that this process builds from now on, whoever builds
// it: `run`, streams mode, its HTTP API, a reload. A stream whose topology has a fault
// is not built; the components of the others find theirs with Of. It is called once,
// by main, when all components are registered and before anything is built.
//
// The host has no public way to look at what it builds: a plugin is given its own
// part of the configuration, and what is loaded later passes no hook at all. So this
// stands before the constructors of the host's environment, which takes a detour by
// reflection over types that are the host's own. Where the host has changed in a way
// that this does not know, Watch returns an error and has changed nothing.
func Watch() error {
	env, err := environment()
	if err != nil {
		return err
	}
	var hooks []func()
	for _, kind := range []string{"Input", "Buffer", "Processor", "Output"} {
		h, err := hook(env, kind)
		if err != nil {
			return fmt.Errorf("watching how the host builds components of kind %s: %w", kind, err)
		}
		hooks = append(hooks, h...)
	}
	for _, set := range hooks {
		set()
	}
	return nil
}

// errHost says that the host is not as it was when this was written.
var errHost = errors.New("the host is not built as expected")

// environment is the host's own set of constructors.
func environment() (env reflect.Value, err error) {
	mgr := call(reflect.ValueOf(service.MockResources().XUnwrapper()), "Unwrap")
	if mgr.IsValid() {
		env = call(mgr, "Environment")
	}
	if !env.IsValid() {
		return env, errHost
	}
	return env, nil
}

// call calls a method that takes nothing and returns one value.
func call(v reflect.Value, name string) reflect.Value {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	method := v.MethodByName(name)
	if !method.IsValid() || method.Type().NumIn() != 0 || method.Type().NumOut() != 1 {
		return reflect.Value{}
	}
	return method.Call(nil)[0]
}

// hook prepares that all constructors of a kind are called through built.
func hook(env reflect.Value, kind string) (hooks []func(), err error) {
	original := call(env, "Clone")
	specs := call(env, kind+"Docs")
	add := env.MethodByName(kind + "Add")
	if !original.IsValid() || !specs.IsValid() || !add.IsValid() || specs.Kind() != reflect.Slice {
		return nil, errHost
	}
	construct := original.MethodByName(kind + "Init")
	if !construct.IsValid() || !fits(add.Type(), construct.Type(), specs.Type().Elem()) {
		return nil, errHost
	}
	results := construct.Type()
	constructor := reflect.MakeFunc(add.Type().In(0), func(args []reflect.Value) []reflect.Value {
		if err := note(kind, args[0], args[1]); err != nil {
			return []reflect.Value{reflect.Zero(results.Out(0)), reflect.ValueOf(&err).Elem()}
		}
		if results.IsVariadic() {
			return construct.CallSlice(args)
		}
		return construct.Call(args)
	})
	for i := range specs.Len() {
		hooks = append(hooks, func() { add.Call([]reflect.Value{constructor, specs.Index(i)}) })
	}
	return hooks, nil
}

// fits reports whether a constructor can be added that calls construct: both take
// the component's configuration and its manager, and return it and an error.
func fits(add, construct, spec reflect.Type) bool {
	return add.NumIn() == 2 && add.In(1) == spec && add.In(0).Kind() == reflect.Func &&
		construct.ConvertibleTo(add.In(0)) &&
		construct.NumIn() >= 2 && construct.NumOut() == 2 &&
		construct.In(0).Kind() == reflect.Struct && construct.In(1).Implements(reflect.TypeFor[manager]()) &&
		construct.Out(1) == reflect.TypeFor[error]()
}

// manager is what is needed of the host's manager of a component.
type manager interface {
	Path() []string
	Label() string
	StreamID() string
	GetOrSetGeneric(key, value any) (any, bool)
	SetGeneric(key, value any)
}

// note notes that a component is about to be built, and returns an error where its
// stream has a fault.
func note(kind string, conf, mgr reflect.Value) error {
	m := mgr.Interface().(manager) // see fits
	if len(m.Path()) == 0 {
		return nil
	}
	v, err := configOf(conf)
	if err != nil {
		return fmt.Errorf("reading the configuration of %v: %w", m.Path(), err)
	}
	s, _ := m.GetOrSetGeneric(siteKey{}, newSite())
	return s.(*site).note(m, kind, v)
}

// configOf turns what the host has parsed of a component into what it was parsed from.
func configOf(conf reflect.Value) (map[string]any, error) {
	field := func(name string) any {
		if f := conf.FieldByName(name); f.IsValid() {
			return f.Interface()
		}
		return nil
	}
	kind, ok := field("Type").(string)
	if !ok || kind == "" {
		return nil, errHost
	}
	own, err := plain(field("Plugin"))
	if err != nil {
		return nil, err
	}
	whole := map[string]any{kind: own}
	if label, _ := field("Label").(string); label != "" {
		whole["label"] = label
	}
	list := conf.FieldByName("Processors")
	if !list.IsValid() || list.Kind() != reflect.Slice || list.Len() == 0 {
		return whole, nil
	}
	processors := make([]any, list.Len())
	for i := range processors {
		if processors[i], err = configOf(list.Index(i)); err != nil {
			return nil, err
		}
	}
	whole["processors"] = processors
	return whole, nil
}

// plain turns YAML nodes, which are in what the host has parsed, into maps, lists and
// scalars.
func plain(parsed any) (v any, err error) {
	if parsed == nil {
		return map[string]any{}, nil
	}
	text, err := yaml.Marshal(parsed)
	if err != nil {
		return nil, err
	}
	return v, yaml.Unmarshal(text, &v)
}
