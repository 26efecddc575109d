package vector

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Schema returns the statements that make the table, for a migration. They do
// nothing where it exists.
func Schema() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS vectors (
	id      TEXT PRIMARY KEY NOT NULL,
	project TEXT NOT NULL,
	"group" TEXT NOT NULL DEFAULT '',
	at      INTEGER NOT NULL,
	data    BLOB NOT NULL
) WITHOUT ROWID`,
	}
}

// Execer is a *sql.Tx, a *sql.DB or a *sql.Conn that writes.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Queryer is a *sql.Tx, a *sql.DB or a *sql.Conn that reads.
type Queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Put writes rows; one with a known id replaces it. Call Index.Add after the commit.
func Put(ctx context.Context, db Execer, rows ...Row) error {
	for _, r := range rows {
		_, err := db.ExecContext(ctx, `INSERT INTO vectors (id, project, "group", at, data) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET project = excluded.project, "group" = excluded."group", at = excluded.at, data = excluded.data`,
			r.ID, r.Project, r.Group, nanos(r.At), r.Data)
		if err != nil {
			return fmt.Errorf("put vector %s: %w", r.ID, err)
		}
	}
	return nil
}

// PutGroup writes which group a document belongs to. Call Index.Move after the commit.
func PutGroup(ctx context.Context, db Execer, id, group string) error {
	if _, err := db.ExecContext(ctx, `UPDATE vectors SET "group" = ? WHERE id = ?`, group, id); err != nil {
		return fmt.Errorf("move vector %s: %w", id, err)
	}
	return nil
}

// Delete removes a row. Call Index.Remove after the commit.
func Delete(ctx context.Context, db Execer, id string) error {
	if _, err := db.ExecContext(ctx, `DELETE FROM vectors WHERE id = ?`, id); err != nil {
		return fmt.Errorf("delete vector %s: %w", id, err)
	}
	return nil
}

// Load puts every row of the table into the index, but those already there,
// and returns how many it added. It may run beside Add, Move and Search: what a
// writer has put in meanwhile is newer than the row and stays. A Remove beside
// it must come after it.
func (ix *Index) Load(ctx context.Context, db Queryer) (int, error) {
	rows, err := db.QueryContext(ctx, `SELECT id, project, "group", at, data FROM vectors`)
	if err != nil {
		return 0, fmt.Errorf("load vectors: %w", err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var r Row
		var at int64
		if err := rows.Scan(&r.ID, &r.Project, &r.Group, &at, &r.Data); err != nil {
			return n, fmt.Errorf("load vectors: %w", err)
		}
		if ix.Has(r.ID) {
			continue
		}
		r.At = time.Unix(0, at)
		if err := ix.AddRow(r); err != nil {
			return n, fmt.Errorf("load vector %s: %w", r.ID, err)
		}
		n++
	}
	if err := rows.Err(); err != nil {
		return n, fmt.Errorf("load vectors: %w", err)
	}
	return n, nil
}
