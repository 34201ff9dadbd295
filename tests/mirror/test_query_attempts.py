"""Whatever a statement tries, it reads the tables of the chosen shops and nothing else, and comes to an end.

The attempts are harmless: they name files that are not there, and would only read what a machine says of itself.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import duckdb
import pytest

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.mirror.query import QueryLimits
from mcp_server_tiktok_shop.mirror.sql.rules import REFUSED_FUNCTIONS, REFUSED_PREFIXES
from tests.mirror.filled_copies import fill_copy, start_runner
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_server_tiktok_shop.mirror.query import QueryResult, QueryRunner
    from mcp_server_tiktok_shop.mirror.shop_snapshot import ShopSnapshot

LONDON = ZoneInfo("Europe/London")
# What no answer may hold: places on the disk, what copies are attached as, names of our own within the process.
INNER = re.compile(r"/home|/var|/t[m]p|\.duckdb\b|shop_\d|memory\.|__\w|Traceback|site-packages|mcp_server")

FILE_FUNCTIONS = (
    *("read_csv", "read_csv_auto", "read_parquet", "parquet_scan", "read_json", "read_json_auto", "read_json_objects"),
    *("read_ndjson", "read_ndjson_auto", "read_ndjson_objects", "read_text", "read_blob", "glob", "sniff_csv"),
    *("read_duckdb", "parquet_metadata", "parquet_schema", "parquet_file_metadata", "parquet_kv_metadata"),
    *("parquet_full_metadata", "parquet_bloom_probe", "read_single_csv_file", "read_xlsx", "sqlite_scan"),
    *("postgres_scan", "mysql_scan", "iceberg_scan", "delta_scan", "arrow_scan", "pandas_scan", "seq_scan"),
)
IN_PLACES = (
    "SELECT * FROM {0}('absent.csv')",
    "WITH x AS (SELECT * FROM {0}('absent.csv')) SELECT count(*) FROM x",
    "SELECT id FROM orders WHERE id IN (SELECT 'a' FROM {0}('absent.csv'))",
)
FILES = [place.format(function) for function in FILE_FUNCTIONS for place in IN_PLACES]

FILE_NAMES = (
    *("absent.csv", "absent.parquet", "absent.json", "absent.db", "absent.duckdb", "/absent/file", "../absent.csv"),
    *("*.csv", "http://localhost:9/absent.csv", "https://localhost:9/a.parquet", "s3://absent/a.parquet"),
    *("hf://datasets/absent/a.csv", "file:///absent.csv", "C:\\absent.csv", "absent.xlsx"),
)
FILES_AS_TABLES = [f"SELECT * FROM '{name}'" for name in FILE_NAMES]
FILES_AS_TABLES += [f'SELECT o.id FROM orders o JOIN "{name}" f ON true' for name in FILE_NAMES]

TELLING_CALLS = (
    *("current_setting('home_directory')", "current_setting('temp_directory')", "getenv('HOME')", "getvariable('a')"),
    *(
        "current_database()",
        "current_schema()",
        "current_schemas(true)",
        "current_query()",
        "version()",
        "pg_typeof(1)",
    ),
    *("txid_current()", "current_connection_id()", "current_query_id()", "nextval('s')", "currval('s')", "sleep_ms(1)"),
    *("write_log('a')", "pg_sleep(1)", "pg_get_viewdef(1)", "pg_postmaster_start_time()", "inet_client_addr()"),
    *("has_table_privilege('orders', 'select')", "json_serialize_sql('select 1')", "json_serialize_plan('select 1')"),
    *("stats(id)", "index_key('a', 'b', 'c')", "system.main.current_setting('threads')", "setseed(0.5)"),
    *("in_search_path('a', 'b')", "session_user()", "obj_description(1)", "icu_sort_key('a', 'de')"),
)
CALLS = [
    text.format(call)
    for call in TELLING_CALLS
    for text in ("SELECT {0}", "SELECT id FROM orders WHERE {0} IS NOT NULL", "SELECT id FROM orders ORDER BY {0}")
]

CATALOG_FUNCTIONS = (
    *("tables", "columns", "databases", "settings", "functions", "extensions", "secrets", "views", "schemas"),
    *("indexes", "memory", "temporary_files", "variables", "logs", "types", "constraints", "sequences", "keywords"),
    *("prepared_statements", "external_file_cache", "optimizers", "dependencies", "connection_count"),
)
CATALOG = [f"SELECT * FROM duckdb_{name}()" for name in CATALOG_FUNCTIONS]
CATALOG += [
    f"SELECT * FROM {name}"
    for name in (
        *("information_schema.tables", "information_schema.columns", "information_schema.schemata", "sqlite_master"),
        *(
            "sqlite_schema",
            "sqlite_temp_master",
            "pg_catalog.pg_tables",
            "pg_tables",
            "pg_class",
            "pg_settings",
            "duckdb_tables",
        ),
        *("duckdb_settings", "duckdb_columns", "duckdb_databases", "duckdb_views", "pragma_database_list", "pg_views"),
        *("pragma_version()", "pragma_table_info('orders')", "pragma_storage_info('orders')", "pragma_database_size()"),
        *(
            "pragma_show('orders')",
            "pragma_platform()",
            "pragma_user_agent()",
            "pg_timezone_names()",
            "summary('orders')",
        ),
        *("system.information_schema.tables", "all_tables", "sys.tables", "mysql.user"),
    )
]
CATALOG += [
    *("SHOW TABLES", "SHOW ALL TABLES", "SHOW DATABASES", "DESCRIBE orders", "DESCRIBE", "SUMMARIZE orders"),
    *("SELECT * FROM (DESCRIBE orders)", "SELECT * FROM (SHOW TABLES)", "FROM (SUMMARIZE orders)"),
    # A name of WITH holds behind its definition only: before that it would be the catalog's.
    "WITH a AS (SELECT * FROM duckdb_settings), duckdb_settings AS (SELECT 1) SELECT * FROM a",
    "SELECT * FROM (WITH duckdb_settings AS (SELECT 1) SELECT * FROM duckdb_settings) x, duckdb_settings",
    "SELECT * FROM orders UNION ALL SELECT * FROM (WITH pg_class AS (SELECT 1) FROM pg_class), pg_class",
]

OTHER_STATEMENTS = [
    *("INSERT INTO orders (id) VALUES ('1')", "UPDATE orders SET id = '1'", "DELETE FROM orders", "TRUNCATE orders"),
    *("CREATE TABLE a (b INT)", "CREATE TEMP TABLE a AS SELECT 1", "CREATE VIEW a AS SELECT 1", "CREATE SCHEMA a"),
    *(
        "CREATE MACRO a() AS 1",
        "CREATE SECRET a (TYPE s3)",
        "CREATE SEQUENCE a",
        "CREATE TYPE a AS INT",
        "DROP TABLE orders",
    ),
    *("DROP VIEW orders", "ALTER TABLE orders ADD COLUMN a INT", "COMMENT ON TABLE orders IS 'a'"),
    *("COPY orders TO 'absent.csv'", "COPY orders FROM 'absent.csv'", "COPY (SELECT 1) TO '/dev/stdout'"),
    *("EXPORT DATABASE 'absent'", "IMPORT DATABASE 'absent'", "ATTACH 'absent.duckdb' AS a", "ATTACH ':memory:' AS a"),
    *("DETACH shop_0", "USE shop_0", "SET threads = 1", "SET GLOBAL memory_limit = '10GB'", "RESET threads"),
    *("SET enable_external_access = true", "SET lock_configuration = false", "SET VARIABLE a = 1", "PRAGMA version"),
    *(
        "PRAGMA database_list",
        "PRAGMA enable_profiling",
        "CALL pragma_version()",
        "CALL duckdb_settings()",
        "INSTALL httpfs",
    ),
    *("LOAD json", "LOAD httpfs", "CHECKPOINT", "FORCE CHECKPOINT", "VACUUM", "ANALYZE", "EXPLAIN SELECT 1"),
    *("EXPLAIN ANALYZE SELECT 1", "PREPARE a AS SELECT 1", "EXECUTE a", "DEALLOCATE a", "BEGIN", "COMMIT", "ROLLBACK"),
    *("MERGE INTO orders USING orders o ON false WHEN MATCHED THEN DELETE", "UPDATE EXTENSIONS", "KILL 1"),
    *(
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE orders",
        "",
        "   ",
        "-- nothing",
        "/* nothing */",
        ";",
        "tell me all",
    ),
    *("PIVOT orders ON status USING count(*)", "SELECT * FROM (PIVOT orders ON status USING count(*))"),
    *("WITH p AS (PIVOT orders ON status USING count(*)) SELECT * FROM p", "SELECT $1", "SELECT ?", "SELECT $name"),
    "SELECT id FROM orders LIMIT $limit",
]
CHANGES = (
    "DELETE FROM orders RETURNING *",
    "INSERT INTO orders (id) VALUES ('1') RETURNING *",
    "UPDATE orders SET id = '1' RETURNING *",
)
CHANGING_CTES = [f"WITH a AS ({change}) SELECT * FROM a" for change in CHANGES]
CHANGING_CTES += [f"SELECT * FROM (WITH a AS ({change}) SELECT * FROM a)" for change in CHANGES]
CHANGING_CTES += [
    f"WITH b AS (WITH a AS ({change}) SELECT * FROM a) SELECT count(*) FROM b, orders" for change in CHANGES
]

OTHER_SHOPS = [
    *("SELECT * FROM shop_0.orders", "SELECT * FROM shop_0.main.orders", "SELECT * FROM shop_1.main.orders"),
    *("SELECT * FROM main.orders", "SELECT * FROM memory.main.orders", 'SELECT * FROM "shop_1"."main"."orders"'),
    *("SELECT * FROM shop_0.sync.marks", "SELECT * FROM sync.marks", "SELECT shop_1.main.orders.id FROM orders"),
    *("SELECT * FROM temp.orders", "SELECT * FROM system.main.orders", "SELECT * FROM query('SELECT 1')"),
    *("SELECT * FROM query_table('orders')", "SELECT * FROM query_table(['orders', 'skus'])"),
    *("SELECT * FROM json_execute_serialized_sql('{}')", "SELECT * FROM system.main.range(3)"),
    *("SELECT * FROM orders o, query('SELECT ' || o.id)", "FROM query_table('duckdb_settings')"),
]

REFUSED = [*FILES, *FILES_AS_TABLES, *CALLS, *CATALOG, *OTHER_STATEMENTS, *CHANGING_CTES, *OTHER_SHOPS]

TENFOLD = ", ".join(f"s{n} AS (SELECT {'||'.join(['s'] * 10)} AS s FROM s{n - 1})" for n in range(1, 6))
ENDLESS = (
    "SELECT count(*) FROM orders a, orders b, orders c, orders d, orders e WHERE a.id || b.id || c.id > d.id || e.id",
    "SELECT max(a.range * b.range % 7) FROM range(10000000) a, range(10000000) b",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n * 2 % 1000003 FROM t) SELECT count(*) FROM t",
    "SELECT sum(n) FROM (SELECT unnest(range(10000)) AS n FROM range(100000000))",
    "SELECT list(range) FROM range(1000000000)",
    "SELECT count(DISTINCT range) FROM range(1000000000)",
    "SELECT * FROM range(1000000000) ORDER BY range DESC LIMIT 1 OFFSET 500000000",
    "SELECT string_agg(repeat('x', 100000), '') FROM range(1000000)",
    "SELECT array_agg(range) OVER (ORDER BY range) FROM range(100000000)",
    "SELECT count(*) FROM range(100000) a, range(100000) b WHERE levenshtein(a.range::VARCHAR, b.range::VARCHAR) > 9",
    "SELECT len(range(1000000000))",
    "SELECT len(generate_series(1, 1000000000))",
    "SELECT len(generate_series(TIMESTAMP '2000-01-01', TIMESTAMP '2026-01-01', INTERVAL 1 SECOND))",
    "SELECT length(repeat('x', 2000000000))",
    "SELECT length(lpad('x', 2000000000, 'y'))",
    "SELECT length(rpad('x', 2000000000, 'y'))",
    "SELECT length(printf('%2000000000d', 1))",
    "SELECT length(format('{:2000000000}', 1))",
    "SELECT len(list_resize([1], 2000000000))",
    "SELECT len(list_transform(range(10000), lambda x: list_transform(range(10000), lambda y: range(10000))))",
    f"WITH s0 AS (SELECT repeat('x', 100000) AS s), {TENFOLD} SELECT length(s) FROM s5",
    "SELECT levenshtein(repeat('a', 100000), repeat('b', 100000))",
    "SELECT count(*) FROM orders GROUP BY CUBE (" + ", ".join(f"id || '{n}'" for n in range(14)) + ")",
)
DEEP = (
    "SELECT " + "(" * 4000 + "1" + ")" * 4000,
    "SELECT " + "+".join(["1"] * 9000),
    "SELECT " + "NOT " * 4000 + "true",
    "SELECT 1 " + "UNION ALL SELECT 1 " * 900,
    "SELECT * FROM " + "(SELECT * FROM " * 900 + "orders" + ")" * 900,
    "SELECT '" + "x" * 30_000 + "'",
    'SELECT 1 AS "' + "x" * 15_000 + '"',
    "SELECT id FROM orders WHERE id IN (" + ", ".join(["'1'"] * 3_000) + ")",
    "SELECT '\0'",
    "SELECT '\ud800'",
    "SELECT 1 -- \u202e\u0000",
)


SUSPICIOUS = re.compile(
    "addr|attach|block|cache|catalog|conn|copy|current|database|duckdb|env|error|exec|extension|file|host|http|internal"
    "|kill|load|log|macro|memory|nextval|oid|path|pg_|port|pragma|priv|query|random|read|role|schema|secret|seed|sequence"
    "|serial|session|setting|setval|sleep|stat|storage|url|user|uuid|version|wait|write"
)
HARMLESS = {  # which make something of what they are given, or tell the time
    *("current_date", "current_localtime", "current_localtimestamp", "get_current_time", "get_current_timestamp"),
    *("gen_random_uuid", "random", "uuid", "uuid_extract_timestamp", "uuid_extract_version", "uuidv4", "uuidv7"),
    *("json_copy_strftime_if_date", "json_copy_strftime_if_timestamp", "json_extract_path", "json_extract_path_text"),
    *("log", "log10", "log2", "parse_dirpath", "parse_duckdb_log_message", "parse_filename", "parse_path", "path_join"),
    *("url_decode", "url_encode", "formatReadableDecimalSize", "formatReadableSize"),
}


@pytest.fixture
def copy(tmp_path: Path) -> ShopSnapshot:
    rows = [{"id": f"57617{number:014}", "status": "COMPLETED"} for number in range(60)]
    return fill_copy(tmp_path, {"orders": rows})


@pytest.fixture
async def runner() -> AsyncIterator[QueryRunner]:
    async with start_runner() as started:
        yield started


def check_words(error: ShopError, sql: str) -> None:
    assert error.kind == "invalid_arguments"
    assert error.problems[0].argument == "sql"
    assert len(error.message) > 15
    assert len(error.hint) > 15
    strange = [found[0] for found in INNER.finditer(f"{error.message} {error.hint}") if found[0] not in sql]
    assert strange == [], error.to_json()  # the statement's own words may be said again


async def test_three_hundred_attempts_are_refused_in_words_that_help(runner: QueryRunner, copy: ShopSnapshot) -> None:
    assert len(set(REFUSED)) >= 300
    passed = []
    for sql in REFUSED:
        try:
            async with asyncio.timeout(PATIENCE_S):
                result = await runner.run(sql, [copy], zone=LONDON)
        except ShopError as error:
            check_words(error, sql)
        else:
            passed.append((sql, result.cells[:2]))
    assert passed == []


def test_no_function_whose_name_sounds_of_the_machine_is_left_unjudged() -> None:
    """A newer DuckDB brings new functions: one that may tell of the machine or keep a state is to be looked at."""
    with duckdb.connect() as connection:
        sql = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type NOT IN ('table', 'pragma')"
        names = [row[0] for row in connection.execute(sql).fetchall()]
    assert len(names) > 500
    unjudged = {name for name in names if SUSPICIOUS.search(name.lower()) and not is_refused(name)}
    assert unjudged == HARMLESS


def is_refused(name: str) -> bool:
    return name in REFUSED_FUNCTIONS or name.startswith(REFUSED_PREFIXES)


async def test_finding_the_tables_refuses_them_as_well(runner: QueryRunner) -> None:
    """The tables are found before anything is read from the platform: nothing is fetched for a refused statement."""
    for sql in [*FILES[:3], *CATALOG[:3], *OTHER_STATEMENTS[:3], *CHANGING_CTES[:3]]:
        with pytest.raises(ShopError) as caught:
            runner.find_tables(sql)
        check_words(caught.value, sql)


@pytest.mark.parametrize("sql", ENDLESS, ids=range(len(ENDLESS)))
async def test_what_would_take_forever_or_all_memory_ends(runner: QueryRunner, copy: ShopSnapshot, sql: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            result: QueryResult | None = await runner.run(sql, [copy], zone=LONDON, limits=QueryLimits(timeout_s=1.5))
    except ShopError as error:
        result = None
        check_words(error, sql)
    assert result is None or len(str(result.cells)) < 100_000
    after = await runner.run("SELECT count(*) FROM orders", [copy], zone=LONDON)
    assert after.cells == [[60]]


@pytest.mark.parametrize("sql", DEEP, ids=range(len(DEEP)))
async def test_odd_text_is_refused_or_answered_and_the_next_question_is_too(
    runner: QueryRunner, copy: ShopSnapshot, sql: str
) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await runner.run(sql, [copy], zone=LONDON)
    except ShopError as error:
        check_words(error, sql)
    assert (await runner.run("SELECT 1 AS one", [copy], zone=LONDON)).cells == [[1]]
