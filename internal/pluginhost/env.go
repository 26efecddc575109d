package pluginhost

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// passed are the variables of the host that a plugin may see. None holds a
// secret of ours.
var passed = [...]string{
	"PATH", "HOME", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"SystemRoot", // Windows cannot open a socket without it
}

// cleanEnv is the environment of a plugin.
func cleanEnv(host []string, tmp string) []string {
	env := []string{"TMPDIR=" + tmp, sdk.HostPID + "=" + strconv.Itoa(os.Getpid())}
	for _, e := range host {
		name, _, _ := strings.Cut(e, "=")
		if slices.Contains(passed[:], name) {
			env = append(env, e)
		}
	}
	return env
}

// maxRunDir keeps socket paths below the 104 bytes that the strictest system
// allows; go-plugin adds up to 42.
const maxRunDir = 60

// makeRunDir makes an empty private directory for the sockets of one host. What
// a killed host left behind is removed: its name depends on stateDir alone.
func makeRunDir(stateDir string) (string, error) {
	abs, err := filepath.Abs(stateDir)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", os.Getuid(), abs))
	dir := filepath.Join(os.TempDir(), "is-"+hex.EncodeToString(sum[:5]))
	if len(dir) > maxRunDir {
		return "", fmt.Errorf("%s: path is longer than %d bytes, too long for a socket; set TMPDIR to a shorter one", dir, maxRunDir)
	}
	// In a shared /tmp only the owner can remove it, so a directory that somebody
	// else has put there makes Mkdir fail.
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.Mkdir(dir, 0o700)
}
