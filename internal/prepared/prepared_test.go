package prepared_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync"
	"testing"

	"github.com/iterateswarm/iterateswarm/internal/prepared"
)

func open(t testing.TB) *sql.DB {
	t.Helper()
	db := prepared.Open("file:" + filepath.Join(t.TempDir(), "x.db") + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)")
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	must(t, db, `CREATE TABLE x (id INTEGER PRIMARY KEY, name TEXT UNIQUE)`)
	return db
}

func must(t testing.TB, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func name(t testing.TB, db *sql.DB, id int) string {
	t.Helper()
	var s string
	if err := db.QueryRow(`SELECT name FROM x WHERE id = ?`, id).Scan(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAStatementServesAgainWithOtherValues(t *testing.T) {
	t.Parallel()
	db := open(t)
	db.SetMaxOpenConns(1)
	for i, n := range []string{"a", "b", "c"} {
		must(t, db, `INSERT INTO x VALUES (?, ?)`, i, n)
	}
	for i, want := range []string{"a", "b", "c"} {
		if got := name(t, db, i); got != want {
			t.Errorf("name(%d) = %q, want %q", i, got, want)
		}
	}
}

func TestTheSameQueryInsideItself(t *testing.T) {
	t.Parallel()
	db := open(t)
	must(t, db, `INSERT INTO x VALUES (1, 'a'), (2, 'b'), (3, 'c')`)
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const all = `SELECT id FROM x ORDER BY id`
	outer, err := c.QueryContext(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	defer outer.Close()
	n := 0
	for outer.Next() {
		inner, err := c.QueryContext(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		for inner.Next() {
			n++
		}
		if err := inner.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n != 9 {
		t.Errorf("read %d rows, want 3 times 3", n)
	}
}

func TestAFailureLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	db := open(t)
	db.SetMaxOpenConns(1)
	must(t, db, `INSERT INTO x VALUES (?, ?)`, 1, "a")
	if _, err := db.Exec(`INSERT INTO x VALUES (?, ?)`, 2, "a"); err == nil {
		t.Fatal("a second row of the same name was taken")
	}
	must(t, db, `INSERT INTO x VALUES (?, ?)`, 2, "b")
	if got := name(t, db, 2); got != "b" {
		t.Errorf("name(2) = %q, want b", got)
	}
}

func TestAnyTextIsTaken(t *testing.T) {
	t.Parallel()
	db := open(t)
	db.SetMaxOpenConns(1)
	for range 2 {
		for _, query := range []string{
			"-- a comment\n-- and another\n  UPDATE x SET name = 'a'", "--", "", " ; ", "select\n1",
			"INSERT INTO x (name) VALUES ('k'); DELETE FROM x WHERE name = 'k'", "PRAGMA optimize", "VACUUM",
		} {
			must(t, db, query)
		}
	}
	var n int
	if err := db.QueryRow("-- name: Count :one\nSELECT count(*) FROM x").Scan(&n); err != nil || n != 0 {
		t.Errorf("count = %d, %v, want 0", n, err)
	}
}

func TestTheSchemaMayChange(t *testing.T) {
	t.Parallel()
	db := open(t)
	db.SetMaxOpenConns(1)
	must(t, db, `INSERT INTO x VALUES (1, 'a')`)
	columns := func() int {
		rows, err := db.Query(`SELECT * FROM x`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		rows.Next()
		list, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if got := columns(); got != 2 {
		t.Errorf("columns = %d, want 2", got)
	}
	must(t, db, `ALTER TABLE x ADD COLUMN more TEXT`)
	if got := columns(); got != 3 {
		t.Errorf("columns after ALTER = %d, want 3", got)
	}
	must(t, db, `DROP TABLE x`)
	if _, err := db.Query(`SELECT * FROM x`); err == nil {
		t.Error("a dropped table can still be read")
	}
}

func TestMoreStatementsThanAreKept(t *testing.T) {
	t.Parallel()
	db := open(t)
	db.SetMaxOpenConns(1)
	query := `SELECT 1`
	for range 300 {
		query += ` + 1`
		var n int
		if err := db.QueryRow(query).Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnEndedContextEndsOneQueryOnly(t *testing.T) {
	t.Parallel()
	db := open(t)
	db.SetMaxOpenConns(1)
	must(t, db, `INSERT INTO x VALUES (1, 'a')`)
	name(t, db, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.QueryContext(ctx, `SELECT name FROM x WHERE id = ?`, 1); err == nil {
		t.Error("a query with an ended context was answered")
	}
	if got := name(t, db, 1); got != "a" {
		t.Errorf("name(1) = %q, want a", got)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	db := open(t)
	var wait sync.WaitGroup
	for w := range 8 {
		wait.Go(func() {
			for i := range 100 {
				id := w*1000 + i
				if _, err := db.Exec(`INSERT INTO x VALUES (?, ?)`, id, id); err != nil {
					t.Errorf("insert: %v", err)
					return
				}
				var got string
				if err := db.QueryRow(`SELECT name FROM x WHERE id = ?`, id).Scan(&got); err != nil {
					t.Errorf("select: %v", err)
				}
			}
		})
	}
	wait.Wait()
}

func BenchmarkQuery(b *testing.B) {
	for _, c := range []struct {
		name string
		open func(string) *sql.DB
	}{
		{"kept", prepared.Open},
		{"parsed each time", func(dsn string) *sql.DB { db, _ := sql.Open("sqlite", dsn); return db }},
	} {
		b.Run(c.name, func(b *testing.B) {
			db := c.open("file::memory:")
			defer db.Close()
			db.SetMaxOpenConns(1)
			must(b, db, `CREATE TABLE x (id INTEGER PRIMARY KEY, name TEXT UNIQUE)`)
			must(b, db, `INSERT INTO x VALUES (1, 'a')`)
			for b.Loop() {
				name(b, db, 1)
			}
		})
	}
}
