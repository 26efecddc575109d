package records

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/security"
)

// Vault seals the secrets of configurations with a key that lies outside the
// data directory (AES-256-GCM).
type Vault struct{ key string }

// ErrNoKey says that the key is missing where it should be.
var ErrNoKey = errors.New("no encryption key")

// OpenVault reads the key: inline (hex or base64 of 32 bytes) wins over the
// file. When neither exists the error wraps ErrNoKey.
func OpenVault(inline, path string) (*Vault, error) {
	text := strings.TrimSpace(inline)
	if text == "" {
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w at %s", ErrNoKey, path)
		}
		if err != nil {
			return nil, fmt.Errorf("read key: %w", err)
		}
		text = strings.TrimSpace(string(raw))
	}
	key, err := decodeKey(text)
	if err != nil {
		return nil, err
	}
	return &Vault{key: string(key)}, nil
}

// NewVault makes a key and writes it to path with mode 0600. It never replaces
// a file that exists.
func NewVault(path string) (*Vault, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make key folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write key: %w", err)
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, hex.EncodeToString(key)); err != nil {
		return nil, fmt.Errorf("write key: %w", err)
	}
	if err := f.Sync(); err != nil {
		return nil, fmt.Errorf("write key: %w", err)
	}
	return &Vault{key: string(key)}, nil
}

func decodeKey(text string) ([]byte, error) {
	if k, err := hex.DecodeString(text); err == nil && len(k) == 32 {
		return k, nil
	}
	if k, err := base64.StdEncoding.DecodeString(text); err == nil && len(k) == 32 {
		return k, nil
	}
	return nil, errors.New("the encryption key must be 32 bytes, written as 64 hex digits or as base64")
}

// Seal encrypts secrets. An empty map seals to the empty string.
func (v *Vault) Seal(secrets map[string]string) (string, error) {
	if len(secrets) == 0 {
		return "", nil
	}
	raw, err := json.Marshal(secrets)
	if err != nil {
		return "", err
	}
	sealed, err := security.Encrypt(raw, v.key)
	if err != nil {
		return "", fmt.Errorf("seal secrets: %w", err)
	}
	return sealed, nil
}

// Open decrypts what Seal wrote. A wrong key is an error.
func (v *Vault) Open(sealed string) (map[string]string, error) {
	out := map[string]string{}
	if sealed == "" {
		return out, nil
	}
	raw, err := security.Decrypt(sealed, v.key)
	if err != nil {
		return nil, errors.New("open secrets: this key did not seal them")
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("open secrets: %w", err)
	}
	return out, nil
}

// DeliveryKey names one act on a tracker. It depends on nothing but the
// installation's key and the four parts, so the same act has the same key
// after a restore from a backup (safety: exactly-once filing).
func (v *Vault) DeliveryKey(issue, tracker, action string, generation int) string {
	m := hmac.New(sha256.New, []byte("iterateswarm delivery "+v.key))
	fmt.Fprintf(m, "%s|%s|%s|%d", issue, tracker, action, generation)
	return base32.StdEncoding.EncodeToString(m.Sum(nil))[:20]
}

// ErasedID stands for the id that a source gave an erased message: it tells a
// repeat of that message, and nobody what the id was.
func (v *Vault) ErasedID(project, source, externalID string) string {
	m := hmac.New(sha256.New, []byte("iterateswarm erased "+v.key))
	fmt.Fprintf(m, "%s|%s|%s", project, source, externalID)
	return "erased:" + hex.EncodeToString(m.Sum(nil))[:32]
}

// SettingsKey is the key, 32 characters, that PocketBase encrypts its settings with.
func (v *Vault) SettingsKey() string {
	m := hmac.New(sha256.New, []byte("iterateswarm settings "+v.key))
	return hex.EncodeToString(m.Sum(nil))[:32]
}

// KeyHash is what is stored of an ingest key.
func KeyHash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// NewKey makes an ingest key. Its prefix may be shown; the whole is shown once.
func NewKey() (key, prefix string) {
	b := make([]byte, 24)
	if _, err := rand.Read(b); err != nil {
		panic(err) // the system has no randomness
	}
	key = "isk_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
	return key, key[:10]
}

// PublicPrefix begins a key that stands in a web page for everybody to read.
const PublicPrefix = "ipk_"

// NewPublicKey makes a key for web pages. It is no secret: it says into which
// project a message goes, and from which pages.
func NewPublicKey() (key, prefix string) {
	key, _ = NewKey()
	key = PublicPrefix + strings.TrimPrefix(key, "isk_")[:24]
	return key, key[:10]
}

// StatusToken names a message to who wrote it. Nobody can make one without the
// installation's key.
func (v *Vault) StatusToken(feedback string) string { return feedback + v.statusSum(feedback) }

// FeedbackOf returns the message that a status token names.
func (v *Vault) FeedbackOf(token string) (string, bool) {
	if len(token) <= recordIDLength {
		return "", false
	}
	id := token[:recordIDLength]
	return id, subtle.ConstantTimeCompare([]byte(token[recordIDLength:]), []byte(v.statusSum(id))) == 1
}

// recordIDLength is how many characters PocketBase's ids have.
const recordIDLength = 15

func (v *Vault) statusSum(feedback string) string {
	m := hmac.New(sha256.New, []byte("iterateswarm status "+v.key))
	m.Write([]byte(feedback))
	return strings.ToLower(base32.StdEncoding.EncodeToString(m.Sum(nil))[:20])
}

// HasSecrets reports whether anything was sealed in this database.
func HasSecrets(app core.App) (bool, error) {
	var n int
	err := app.DB().NewQuery(`SELECT EXISTS(SELECT 1 FROM sources WHERE secrets != '') OR EXISTS(SELECT 1 FROM trackers WHERE secrets != '')`).Row(&n)
	if err != nil {
		return false, fmt.Errorf("look for secrets: %w", err)
	}
	return n == 1, nil
}

// CheckKey refuses a key that is not the one this database's secrets were
// sealed with. While nothing is sealed, a new key takes the old one's place.
func CheckKey(app core.App, v *Vault) error {
	row, err := app.FindFirstRecordByFilter("installation", "id != ''")
	if err != nil {
		return fmt.Errorf("read installation: %w", err)
	}
	if check := row.GetString("key_check"); check != "" {
		if _, err := v.Open(check); err == nil {
			return nil
		}
		if sealed, err := HasSecrets(app); err != nil || sealed {
			return errors.Join(err, errors.New("the encryption key is not the one that sealed this database's secrets; put the right one back"))
		}
	}
	check, err := v.Seal(map[string]string{"check": "ok"})
	if err != nil {
		return err
	}
	row.Set("key_check", check)
	return app.Save(row)
}
