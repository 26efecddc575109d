package command

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"github.com/pocketbase/pocketbase/tools/security"
)

// bindBackup replaces how PocketBase makes a backup. Its own way holds the
// write lock while it zips, which keeps messages waiting for seconds; this one
// takes a snapshot of each database with VACUUM INTO, beside the writers, and
// zips that. The archive has the same shape, so PocketBase restores it.
func bindBackup(app core.App) {
	app.OnBackupCreate().BindFunc(func(e *core.BackupEvent) error {
		if e.Name == "" {
			e.Name = "iterateswarm_" + time.Now().UTC().Format("20060102150405") + ".zip"
		}
		stage := filepath.Join(e.App.DataDir(), core.LocalTempDirName, "backup_"+security.PseudorandomString(6))
		if err := os.MkdirAll(stage, 0o700); err != nil {
			return fmt.Errorf("stage backup: %w", err)
		}
		defer os.RemoveAll(stage)
		for name, db := range map[string]dbx.Builder{"data.db": e.App.ConcurrentDB(), "auxiliary.db": e.App.AuxConcurrentDB()} {
			_, err := db.NewQuery("VACUUM INTO {:path}").Bind(dbx.Params{"path": filepath.Join(stage, name)}).WithContext(e.Context).Execute()
			if err != nil {
				return fmt.Errorf("snapshot %s: %w", name, err)
			}
		}
		archive := stage + ".zip"
		defer os.Remove(archive)
		if err := zipBackup(e.Context, archive, stage, e.App.DataDir(), e.Exclude); err != nil {
			return fmt.Errorf("zip backup: %w", err)
		}
		return uploadBackup(e, archive)
	})
}

// zipBackup writes the snapshots, and what else lies in the data directory.
func zipBackup(ctx context.Context, path, stage, dataDir string, exclude []string) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	zw := zip.NewWriter(f)
	if err := zw.AddFS(os.DirFS(stage)); err != nil {
		return err
	}
	err = fs.WalkDir(os.DirFS(dataDir), ".", func(name string, d fs.DirEntry, err error) error {
		top, _, _ := strings.Cut(name, "/")
		switch {
		case err != nil || ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		case slices.Contains(exclude, top):
			return fs.SkipDir
		case !d.Type().IsRegular() || strings.HasPrefix(top, "data.db") || strings.HasPrefix(top, "auxiliary.db") || top == lockFile:
			return nil
		}
		in, err := os.Open(filepath.Join(dataDir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := zw.Create(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in)
		return err
	})
	return errors.Join(err, zw.Close())
}

// uploadBackup puts the archive where PocketBase keeps its backups: a folder or S3.
func uploadBackup(e *core.BackupEvent, archive string) error {
	store, err := e.App.NewBackupsFilesystem()
	if err != nil {
		return err
	}
	defer store.Close()
	store.SetContext(e.Context)
	file, err := filesystem.NewFileFromPath(archive)
	if err != nil {
		return err
	}
	file.OriginalName, file.Name = e.Name, e.Name
	return store.UploadFile(file, file.Name)
}
