-- What proves to `bench` that a request asked of the database what its scheme declares.
CREATE EXTENSION pg_stat_statements;
