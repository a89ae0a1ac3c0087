package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// The values of sasl.mechanism.
const (
	saslPlain    = "PLAIN"
	saslScram256 = "SCRAM-SHA-256"
	saslScram512 = "SCRAM-SHA-512"
	saslOAuth    = "OAUTHBEARER"
)

// saslConfig is one item of sasl. Only mechanism and username may be shown.
type saslConfig struct {
	mechanismName, username string
	password, token         string
}

func (f *fields) sasl() (out []saslConfig) {
	if !f.conf.Contains(fieldSASL) {
		return nil
	}
	for _, item := range read(f, f.conf.FieldObjectList, []string{fieldSASL}) {
		g := &fields{conf: item}
		out = append(out, saslConfig{
			mechanismName: g.text(fieldMechanism),
			username:      g.text(fieldUsername),
			password:      g.text(fieldPassword),
			token:         g.text(fieldToken),
		})
		f.fail(g.err)
	}
	return out
}

func (s saslConfig) validate() error {
	switch {
	case s.mechanismName == saslOAuth && s.token == "":
		return errors.New(errNoToken)
	case s.mechanismName != saslOAuth && s.username == "":
		return complain(errNoUser, s.mechanismName)
	}
	_, err := s.mechanism()
	return err
}

func (s saslConfig) mechanism() (sasl.Mechanism, error) {
	auth := scram.Auth{User: s.username, Pass: s.password}
	switch s.mechanismName {
	case saslPlain:
		return plain.Auth{User: s.username, Pass: s.password}.AsMechanism(), nil
	case saslScram256:
		return auth.AsSha256Mechanism(), nil
	case saslScram512:
		return auth.AsSha512Mechanism(), nil
	case saslOAuth:
		return oauth.Oauth(func(context.Context) (oauth.Auth, error) {
			return oauth.Auth{Token: s.token}, nil
		}), nil
	default:
		return nil, fmt.Errorf("sasl: mechanism %q is unknown: %s, %s, %s and %s are possible",
			s.mechanismName, saslPlain, saslScram256, saslScram512, saslOAuth)
	}
}

// describe names how the client authenticates, without secrets.
func describe(items []saslConfig) string {
	var names []string
	for _, s := range items {
		name := "mechanism " + s.mechanismName
		if s.username != "" {
			name += fmt.Sprintf(" as username %q", s.username)
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}
