// Package verify checks the signatures of a delivery from the incidents platform. Standard library only.
package verify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const toleranceSeconds = 300

// BodySignature reports whether X-CloudEvents-Signature is that of the raw body, made with this secret.
func BodySignature(header http.Header, body []byte, secret string) bool {
	if secret == "" {
		return false
	}
	expected := "sha256=" + hex.EncodeToString(sign([]byte(secret), body))
	return hmac.Equal([]byte(header.Get("X-CloudEvents-Signature")), []byte(expected))
}

// StandardWebhook reports whether webhook-signature holds a signature made with this secret, not more than five
// minutes from now, which is time.Now() outside tests.
func StandardWebhook(header http.Header, body []byte, secret string, now time.Time) bool {
	key := signingKey(secret)
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	sent, err := strconv.ParseUint(timestamp, 10, 48)
	if len(key) == 0 || id == "" || err != nil {
		return false
	}
	age := now.Sub(time.Unix(int64(sent), 0))
	if age > toleranceSeconds*time.Second || age < -toleranceSeconds*time.Second {
		return false
	}
	content := append([]byte(id+"."+timestamp+"."), body...)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(sign(key, content)))
	for _, signature := range strings.Split(header.Get("webhook-signature"), " ") {
		if hmac.Equal([]byte(signature), expected) {
			return true
		}
	}
	return false
}

func signingKey(secret string) []byte {
	encoded, found := strings.CutPrefix(secret, "whsec_")
	if !found {
		return []byte(secret)
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil
	}
	return key
}

func sign(key, content []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(content)
	return mac.Sum(nil)
}
