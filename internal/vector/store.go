package vector

import (
	"context"
	"database/sql"
	"fmt"
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
// it must come after it. It keeps one connection busy until it returns; do not
// give it the only one that writes.
func (ix *Index) Load(ctx context.Context, db Queryer) (int, error) {
	rows, err := db.QueryContext(ctx, `SELECT id, project, "group", at, data FROM vectors`)
	if err != nil {
		return 0, fmt.Errorf("load vectors: %w", err)
	}
	defer rows.Close()
	batches := make(chan []loaded, 4)
	done := make(chan int)
	go func() { // one reads the table while the other fills the index
		n := 0
		for b := range batches {
			n += ix.insertNew(b)
		}
		done <- n
	}()
	err = readRows(rows, batches)
	close(batches)
	n := <-done
	if err != nil {
		return n, fmt.Errorf("load vectors: %w", err)
	}
	return n, nil
}

// loaded is a row that has been read.
type loaded struct {
	id, project, group string
	at                 int64
	text               text
}

// loadBatch is how many rows go into the index under one lock: about 2 ms.
const loadBatch = 200

func readRows(rows *sql.Rows, to chan<- []loaded) error {
	batch := make([]loaded, 0, loadBatch)
	var data sql.RawBytes
	for rows.Next() {
		var l loaded
		if err := rows.Scan(&l.id, &l.project, &l.group, &l.at, &data); err != nil {
			return err
		}
		var err error
		if l.text, err = decode(data); err != nil {
			return fmt.Errorf("row %s: %w", l.id, err)
		}
		if batch = append(batch, l); len(batch) == loadBatch {
			to <- batch
			batch = make([]loaded, 0, loadBatch)
		}
	}
	to <- batch
	return rows.Err()
}

func (ix *Index) insertNew(batch []loaded) int {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	n := 0
	for _, l := range batch {
		if _, known := ix.where[l.id]; !known {
			ix.insert(l.id, l.project, l.group, l.at, l.text)
			n++
		}
	}
	return n
}
