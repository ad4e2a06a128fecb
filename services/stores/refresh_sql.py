"""The statements of the refresh token store: times are parameters, and a family is locked before its tokens."""

BEGIN_FAMILY = """
WITH family AS (
    INSERT INTO refresh_families (sid, user_id, created_at, expires_at)
    VALUES (%(sid)s, %(user_id)s, %(now)s, %(expires_at)s)
)
INSERT INTO refresh_tokens (token_hash, sid, created_at, idle_at) VALUES (%(hash)s, %(sid)s, %(now)s, %(idle_at)s)
"""

# Live: some token of it could still be exchanged.
COUNT_FAMILIES = """
SELECT count(*) FROM refresh_families AS family
WHERE user_id = %(user_id)s AND revoked_at IS NULL AND expires_at > %(now)s AND EXISTS (
    SELECT FROM refresh_tokens WHERE sid = family.sid AND used_at IS NULL AND idle_at > %(now)s
)
"""

# Locked in the order of their names, as by REVOKE_USER.
EVICT_FAMILIES = """
WITH live AS (
    SELECT sid, created_at FROM refresh_families AS family
    WHERE user_id = %(user_id)s AND revoked_at IS NULL AND expires_at > %(now)s AND EXISTS (
        SELECT FROM refresh_tokens WHERE sid = family.sid AND used_at IS NULL AND idle_at > %(now)s
    )
    ORDER BY sid FOR UPDATE
), ending AS (
    SELECT sid FROM live ORDER BY created_at DESC OFFSET %(keep)s
), ended AS (
    UPDATE refresh_families SET revoked_at = %(now)s FROM ending WHERE refresh_families.sid = ending.sid
    RETURNING refresh_families.sid
)
UPDATE refresh_tokens SET sealed = NULL FROM ended
WHERE refresh_tokens.sid = ended.sid AND refresh_tokens.sealed IS NOT NULL
"""

LOCK_FAMILY = """
SELECT family.sid, family.user_id, users.role, users.banned, family.revoked_at IS NOT NULL, family.expires_at
FROM refresh_tokens AS token JOIN refresh_families AS family USING (sid) JOIN users ON users.id = family.user_id
WHERE token.token_hash = %(hash)s
FOR UPDATE OF family
"""

# The winner of a race is whoever this returns a row to. Using a token erases the sealed copy its parent could open.
USE = """
UPDATE refresh_tokens SET used_at = %(now)s, sealed = NULL
WHERE token_hash = %(hash)s AND used_at IS NULL AND idle_at > %(now)s
RETURNING sid
"""

# SKIP LOCKED: a rotation never waits for a token of another family, so two can never wait for each other.
MINT = """
WITH over AS (
    SELECT token_hash FROM refresh_tokens
    WHERE sealed IS NOT NULL AND created_at <= %(grace_from)s
    LIMIT 16 FOR UPDATE SKIP LOCKED
), erased AS (
    UPDATE refresh_tokens SET sealed = NULL FROM over WHERE refresh_tokens.token_hash = over.token_hash
)
INSERT INTO refresh_tokens (token_hash, sid, parent_hash, created_at, idle_at, sealed)
VALUES (%(child)s, %(sid)s, %(hash)s, %(now)s, %(idle_at)s, %(sealed)s)
"""

SECOND_USE = """
SELECT used_at, EXISTS (
    SELECT FROM refresh_tokens AS child WHERE child.parent_hash = token.token_hash AND child.used_at IS NOT NULL
)
FROM refresh_tokens AS token WHERE token_hash = %(hash)s
"""

SEALED_CHILD = """
SELECT sealed, idle_at FROM refresh_tokens
WHERE parent_hash = %(hash)s AND used_at IS NULL AND sealed IS NOT NULL AND idle_at > %(now)s
"""

MAKE_WAY = """
DELETE FROM refresh_tokens WHERE token_hash IN (
    SELECT token_hash FROM refresh_tokens WHERE parent_hash = %(hash)s AND used_at IS NULL
    ORDER BY created_at DESC OFFSET %(keep)s
)
"""

REVOKE = """
WITH ended AS (
    UPDATE refresh_families SET revoked_at = %(now)s
    WHERE revoked_at IS NULL
    AND (sid = %(sid)s OR sid = (SELECT sid FROM refresh_tokens WHERE token_hash = %(hash)s))
    RETURNING sid
)
UPDATE refresh_tokens SET sealed = NULL FROM ended
WHERE refresh_tokens.sid = ended.sid AND refresh_tokens.sealed IS NOT NULL
"""

# Locked in the order of their names, so that two of these never wait for each other.
REVOKE_USER = """
WITH ending AS (
    SELECT sid FROM refresh_families
    WHERE user_id = %(user_id)s AND sid <> %(keep_sid)s AND revoked_at IS NULL
    ORDER BY sid FOR UPDATE
), ended AS (
    UPDATE refresh_families SET revoked_at = %(now)s FROM ending WHERE refresh_families.sid = ending.sid
    RETURNING refresh_families.sid, refresh_families.expires_at > %(now)s AS was_live
), erased AS (
    UPDATE refresh_tokens SET sealed = NULL FROM ended
    WHERE refresh_tokens.sid = ended.sid AND refresh_tokens.sealed IS NOT NULL
)
SELECT count(*) FILTER (WHERE was_live) FROM ended
"""

SESSIONS = """
SELECT family.sid, family.created_at, max(token.idle_at)
FROM refresh_families AS family JOIN refresh_tokens AS token USING (sid)
WHERE family.user_id = %(user_id)s AND family.revoked_at IS NULL AND family.expires_at > %(now)s
AND token.used_at IS NULL AND token.idle_at > %(now)s
GROUP BY family.sid ORDER BY family.created_at
"""

ERASE = "UPDATE refresh_tokens SET sealed = NULL WHERE sealed IS NOT NULL AND created_at <= %(grace_from)s"

# A revoked family is kept until its absolute end, so that its tokens are refused as revoked and not as unknown.
PRUNE = "DELETE FROM refresh_families WHERE expires_at <= %(now)s"

SCHEMA = """
CREATE TABLE IF NOT EXISTS refresh_families (
    sid text PRIMARY KEY,
    user_id text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at double precision NOT NULL,
    expires_at double precision NOT NULL,
    revoked_at double precision
);
CREATE INDEX IF NOT EXISTS refresh_families_of_user ON refresh_families (user_id);
CREATE INDEX IF NOT EXISTS refresh_families_by_end ON refresh_families (expires_at);
CREATE TABLE IF NOT EXISTS refresh_tokens (
    token_hash bytea PRIMARY KEY,
    sid text NOT NULL REFERENCES refresh_families (sid) ON DELETE CASCADE,
    parent_hash bytea,
    created_at double precision NOT NULL,
    idle_at double precision NOT NULL,
    used_at double precision,
    sealed bytea
);
CREATE INDEX IF NOT EXISTS refresh_tokens_of_family ON refresh_tokens (sid);
CREATE INDEX IF NOT EXISTS refresh_tokens_by_parent ON refresh_tokens (parent_hash);
CREATE INDEX IF NOT EXISTS refresh_tokens_sealed ON refresh_tokens (created_at) WHERE sealed IS NOT NULL;
"""
