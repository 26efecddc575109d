package command

import (
	"log/slog"
	"os"
	"path/filepath"

	"github.com/pocketbase/pocketbase/core"
)

// restoreMark is a file beside the data directory that says a backup was
// restored. It cannot lie inside: the restore replaces what is there.
func restoreMark(dir string) string {
	return filepath.Join(filepath.Dir(dir), "iterateswarm.restored")
}

// bindRestore leaves the mark when PocketBase restores a backup. The process
// starts again after that and finds it.
func bindRestore(app core.App, lg *slog.Logger) {
	app.OnBackupRestore().BindFunc(func(e *core.BackupEvent) error {
		mark := restoreMark(app.DataDir())
		if err := os.WriteFile(mark, []byte(e.Name+"\n"), 0o600); err != nil {
			return err
		}
		err := e.Next()
		if err != nil {
			if rmErr := os.Remove(mark); rmErr != nil {
				lg.Error("remove restore mark", "err", rmErr)
			}
		}
		return err
	})
}
