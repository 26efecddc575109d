package command

import (
	"crypto/sha256"
	"encoding/hex"
	"os"

	"github.com/pocketbase/pocketbase/core"

	"github.com/iterateswarm/iterateswarm/internal/records"
)

// PocketBase encrypts its settings (mail and S3 passwords are in them) with a
// key that it reads from a variable of the environment, at every load and save.
// The variable is set inside this process only, by the name below, and only
// while the settings hold a secret: then an installation without secrets
// starts without its key.

// settingsEnv names the variable of one data directory. A restart hands it on
// to the next process, so it must not look like a setting of ours.
func settingsEnv(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return "PB_SETTINGS_KEY_" + hex.EncodeToString(sum[:6])
}

// offerSettingsKey lets PocketBase read settings that are encrypted.
func offerSettingsKey(o Options) {
	v, err := records.OpenVault(o.Config.Key.Value.Reveal(), o.keyPath())
	if err != nil {
		_ = os.Unsetenv(settingsEnv(o.Dir)) // no key, or a bad one; Open says so
		return
	}
	_ = os.Setenv(settingsEnv(o.Dir), v.SettingsKey()) // the name and the value hold no NUL
}

// bindSettings encrypts the settings whenever they are saved with a secret.
func bindSettings(app core.App, dir string, v *records.Vault) {
	env := settingsEnv(dir)
	choose := func(e *core.ModelEvent) error {
		if s, ok := e.Model.(*core.Settings); ok {
			if s.SMTP.Password != "" || s.S3.Secret != "" || s.Backups.S3.Secret != "" {
				_ = os.Setenv(env, v.SettingsKey())
			} else {
				_ = os.Unsetenv(env)
			}
		}
		return e.Next()
	}
	app.OnModelCreate("_params").BindFunc(choose)
	app.OnModelUpdate("_params").BindFunc(choose)
}
