"""The way to the database: a small pool of connections that stay open.

Every statement goes out as an unnamed extended query (Parse, Bind, Describe,
Execute, Sync), so that somebody who starts to listen in the middle of a
connection understands it without having seen its beginning:

- prepare_threshold=None: no statement is ever prepared under a name that was
  announced long ago;
- psycopg falls back to the simple protocol for a statement without
  parameters, so every statement has one; BEGIN, COMMIT and ROLLBACK, which
  cannot, ask for binary results, which only the extended protocol has.
"""

from contextlib import contextmanager

from psycopg.rows import namedtuple_row
from psycopg_pool import ConnectionPool

# A connection is neither retired for its age nor closed for being idle.
FOREVER = 10_000_000

pool = ConnectionPool(
    # No TLS and no Kerberos, not even the question whether the server has it.
    "host=db1 port=5432 dbname=auction user=auction sslmode=disable gssencmode=disable",
    min_size=4,
    # One for each thread of gunicorn: no request ever waits for another's.
    max_size=4,
    max_idle=FOREVER,
    max_lifetime=FOREVER,
    kwargs={
        # A page that only reads needs no BEGIN and COMMIT around its queries.
        "autocommit": True,
        "prepare_threshold": None,
        "row_factory": namedtuple_row,
    },
    # Does not wait: the database may come up after the application.
    open=True,
)


def rows(connection, sql, *parameters):
    return connection.execute(sql, parameters).fetchall()


def row(connection, sql, *parameters):
    return connection.execute(sql, parameters).fetchone()


def run(connection, sql, *parameters):
    connection.execute(sql, parameters)


@contextmanager
def transaction(connection):
    connection.execute("BEGIN", binary=True)
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK", binary=True)
        raise
    connection.execute("COMMIT", binary=True)
