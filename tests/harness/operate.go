package harness

import (
	"context"
	"net/http"
	"strings"
)

// Operate posts to the status server at an address, as an operator's curl does, and
// returns the status code of the answer.
func Operate(ctx context.Context, address, path, token, body string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := healthClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
