// Package prepared opens SQLite so that each connection keeps the statements it
// has parsed. PocketBase, River and our own queries send the same few dozen
// statements for every message as text, and reading them anew was a fifth of
// the processor time that a message took.
package prepared

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"

	"modernc.org/sqlite"
)

// most is how many statements one connection keeps. The hot ones are about
// sixty; each takes some kilobytes.
const most = 100

// Open returns a pool of connections to the database that dsn names, as
// sql.Open("sqlite", dsn) does.
func Open(dsn string) *sql.DB { return sql.OpenDB(connector{dsn}) }

type connector struct{ dsn string }

// Connect opens one connection.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	raw, err := c.Driver().Open(c.dsn)
	if err != nil {
		return nil, err
	}
	whole, ok := raw.(inner)
	if !ok {
		return nil, fmt.Errorf("%T lacks a method", raw) // a new version of the driver; the test sees it
	}
	return &conn{inner: whole, idle: map[string]driver.Stmt{}}, nil
}

// Driver is the one that is registered as "sqlite", with its extensions.
func (c connector) Driver() driver.Driver {
	db, err := sql.Open("sqlite", "")
	if err != nil {
		return &sqlite.Driver{} // cannot be: the import above registers it
	}
	defer db.Close()
	return db.Driver()
}

// inner is what the driver's connection can do.
type inner interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// conn is used by one goroutine at a time, as database/sql promises.
type conn struct {
	inner
	idle map[string]driver.Stmt // parsed and not in use
}

// keeps says whether a statement is worth keeping: one that reads or writes
// rows. River's begin with a line of comment.
func keeps(query string) bool {
	query = strings.TrimLeft(query, " \t\r\n")
	for strings.HasPrefix(query, "--") {
		_, query, _ = strings.Cut(query, "\n")
		query = strings.TrimLeft(query, " \t\r\n")
	}
	end := strings.IndexAny(query, " \t\r\n")
	if end < 0 {
		return false
	}
	switch strings.ToUpper(query[:end]) {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH":
		return true
	}
	return false
}

// take returns a parsed statement that nobody else uses until it is given back.
func (c *conn) take(ctx context.Context, query string) (statement, error) {
	s, ok := c.idle[query]
	if ok {
		delete(c.idle, query)
	} else {
		var err error
		if s, err = c.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
	}
	return s.(statement), nil
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// give keeps a statement for the next time.
func (c *conn) give(query string, s driver.Stmt) error {
	if _, twice := c.idle[query]; twice {
		return s.Close()
	}
	if len(c.idle) >= most {
		if err := c.forget(); err != nil {
			return err
		}
	}
	c.idle[query] = s
	return nil
}

func (c *conn) forget() error {
	var first error
	for query, s := range c.idle {
		if err := s.Close(); err != nil && first == nil {
			first = err
		}
		delete(c.idle, query)
	}
	return first
}

// ExecContext runs a statement.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if !keeps(query) {
		return c.inner.ExecContext(ctx, query, args)
	}
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	res, err := s.ExecContext(ctx, args)
	if err != nil {
		_ = s.Close() // what failed is parsed anew
		return nil, err
	}
	return res, c.give(query, s)
}

// QueryContext runs a statement that returns rows.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if !keeps(query) {
		return c.inner.QueryContext(ctx, query, args)
	}
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.QueryContext(ctx, args)
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	typed, ok := r.(typedRows)
	if !ok {
		return nil, fmt.Errorf("%T lacks a method", r)
	}
	return &rows{typedRows: typed, conn: c, query: query, stmt: s}, nil
}

// Close closes the connection and what it has kept.
func (c *conn) Close() error {
	err := c.forget()
	if closeErr := c.inner.Close(); closeErr != nil {
		return closeErr
	}
	return err
}

// typedRows is what the driver's rows can do.
type typedRows interface {
	driver.Rows
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypeNullable
	driver.RowsColumnTypePrecisionScale
	driver.RowsColumnTypeScanType
}

// rows give their statement back when they are closed.
type rows struct {
	typedRows
	conn  *conn
	query string
	stmt  driver.Stmt
}

// Close gives the statement back.
func (r *rows) Close() error {
	if r.stmt == nil {
		return nil
	}
	s := r.stmt
	r.stmt = nil
	if err := r.typedRows.Close(); err != nil {
		_ = s.Close()
		return err
	}
	return r.conn.give(r.query, s)
}
