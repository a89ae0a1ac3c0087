package server

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// Secret is a password or a token: a text, or what a file holds at the time of
// each connection, so that it may be changed without a restart. The zero value
// is no secret. It is safe for concurrent use.
type Secret struct {
	text string
	file *secretFile
}

// secretFile is a file whose content is read again for each connection.
type secretFile struct {
	path string
	mu   sync.Mutex
	read []string // what was in it so far: errors may hold any of it
}

// Text is a secret that is given as it is.
func Text(secret string) Secret { return Secret{text: secret} }

// File is a secret that a file holds, without the line break at its end.
func File(path string) Secret { return Secret{file: &secretFile{path: path}} }

// keptSecrets is how many values of a file are looked for in errors.
const keptSecrets = 8

// read returns the secret of now.
func (s Secret) read() (string, error) {
	if s.file == nil {
		return s.text, nil
	}
	content, err := os.ReadFile(s.file.path)
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	secret := strings.TrimRight(string(content), "\r\n")
	s.file.mu.Lock()
	defer s.file.mu.Unlock()
	if secret != "" && !slices.Contains(s.file.read, secret) {
		s.file.read = append(s.file.read, secret)
		s.file.read = s.file.read[max(0, len(s.file.read)-keptSecrets):]
	}
	return secret, nil
}

// seen are the values that may be in the text of an error.
func (s Secret) seen() []string {
	switch {
	case s.file != nil:
		s.file.mu.Lock()
		defer s.file.mu.Unlock()
		return slices.Clone(s.file.read)
	case s.text != "":
		return []string{s.text}
	}
	return nil
}
