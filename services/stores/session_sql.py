"""The statements of the session store: times are parameters, and every statement locks rows in the order of sids."""

INSERT = """
INSERT INTO sessions (token_hash, sid, user_id, role, created_at, expires_at, used_at)
VALUES (%(hash)s, %(sid)s, %(user_id)s, %(role)s, %(now)s, %(expires_at)s, %(now)s)
"""

COPY = "COPY sessions (token_hash, sid, user_id, role, created_at, expires_at, used_at) FROM STDIN"

READ = "SELECT user_id, role, sid, created_at, expires_at, used_at FROM sessions WHERE token_hash = %(hash)s"

# Of simultaneous uses one writes. A session that ended meanwhile has no row that this could revive.
TOUCH = "UPDATE sessions SET used_at = %(now)s WHERE token_hash = %(hash)s AND used_at <= %(due)s"

END = "DELETE FROM sessions WHERE token_hash = %(hash)s"

END_ALL = """
WITH ending AS (
    SELECT token_hash FROM sessions WHERE user_id = %(user_id)s AND sid <> %(keep_sid)s
    ORDER BY sid FOR UPDATE
), ended AS (
    DELETE FROM sessions USING ending WHERE sessions.token_hash = ending.token_hash
    RETURNING sessions.expires_at > %(now)s AND sessions.used_at > %(idle_from)s AS was_live
)
SELECT count(*) FILTER (WHERE was_live) FROM ended
"""

OF_USER = """
SELECT sid, created_at, expires_at FROM sessions
WHERE user_id = %(user_id)s AND expires_at > %(now)s AND used_at > %(idle_from)s
ORDER BY created_at
"""

COUNT = """
SELECT count(*) FROM sessions WHERE user_id = %(user_id)s AND expires_at > %(now)s AND used_at > %(idle_from)s
"""

EVICT = """
WITH live AS (
    SELECT token_hash, created_at FROM sessions
    WHERE user_id = %(user_id)s AND expires_at > %(now)s AND used_at > %(idle_from)s
    ORDER BY sid FOR UPDATE
), ending AS (
    SELECT token_hash FROM live ORDER BY created_at DESC OFFSET %(keep)s
)
DELETE FROM sessions USING ending WHERE sessions.token_hash = ending.token_hash
"""

# Whoever holds a row is about to end it or to use it: neither is worth waiting for.
PRUNE = """
WITH over AS (
    SELECT token_hash FROM sessions WHERE expires_at <= %(now)s OR used_at <= %(idle_from)s
    FOR UPDATE SKIP LOCKED
)
DELETE FROM sessions USING over WHERE sessions.token_hash = over.token_hash
"""

# used_at is in no index and pages have room, so that noting a use rewrites one row and no index.
SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    token_hash bytea PRIMARY KEY,
    sid text NOT NULL UNIQUE,
    user_id text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role text NOT NULL,
    created_at double precision NOT NULL,
    expires_at double precision NOT NULL,
    used_at double precision NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX IF NOT EXISTS sessions_of_user ON sessions (user_id);
"""
