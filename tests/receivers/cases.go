// Reads cases as JSON on stdin and prints the verdicts of docs/receivers/verify.go. Run by harness.py.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"time"

	"receiver/verify"
)

type testCase struct {
	Headers map[string]string `json:"headers"`
	Body    []byte            `json:"body_base64"`
	Secret  string            `json:"secret"`
	Now     *int64            `json:"now"`
}

type verdict struct {
	Body     bool `json:"body"`
	Standard bool `json:"standard"`
}

func (c testCase) verdict() verdict {
	header, now := http.Header{}, time.Now()
	for name, value := range c.Headers {
		header.Set(name, value)
	}
	if c.Now != nil {
		now = time.Unix(*c.Now, 0)
	}
	return verdict{
		Body:     verify.BodySignature(header, c.Body, c.Secret),
		Standard: verify.StandardWebhook(header, c.Body, c.Secret, now),
	}
}

func main() {
	var cases []testCase
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		log.Fatal(err)
	}
	verdicts := make([]verdict, 0, len(cases))
	for _, c := range cases {
		verdicts = append(verdicts, c.verdict())
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		log.Fatal(err)
	}
}
