"""Which tables and statements make the spool's file a queue?

The bodies are written once and read when they are leased: that an event is leased stands in a table of its
own, so that a lease does not write them again. Triggers keep the sum of all bytes, and no lease outlives
its event.
"""

# ruff: noqa: S608 - only parts that stand in this file are put together

from llm_observer.telemetry.spool_layout import Layout

__all__ = [
    "ADD_LEASE",
    "ADD_LEASED",
    "COUNT_ALL",
    "DELETE_LEASED",
    "DELETE_ONE",
    "DELETE_SEQ",
    "DROP_BEFORE",
    "DROP_REFUSED",
    "END_EMPTY",
    "END_LEASE",
    "EXPIRE",
    "FIRST_YOUNG",
    "INSERT",
    "IS_KNOWN",
    "LAYOUT",
    "NEXT",
    "PURGE",
    "REFUSALS",
    "REFUSE",
    "REFUSED_SIZES",
    "SIZES",
    "STATS",
]

_TOTALS = ("bytes", "dropped_full", "dropped_old", "dropped_oversize", "dropped_refused", "corrupt")

_SCRIPT = f"""
CREATE TABLE events(seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, body BLOB NOT NULL,
    stored_s REAL NOT NULL, steady_s REAL NOT NULL, boot TEXT NOT NULL);
CREATE TABLE leases(lease_id TEXT PRIMARY KEY, taken_s REAL NOT NULL, steady_s REAL NOT NULL,
    for_s REAL NOT NULL, boot TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE leased(seq INTEGER PRIMARY KEY, lease_id TEXT NOT NULL);
CREATE TABLE refused(seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, reason TEXT NOT NULL,
    refused_s REAL NOT NULL, body BLOB NOT NULL);
CREATE TABLE totals(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER event_added AFTER INSERT ON events BEGIN
    UPDATE totals SET value = value + length(NEW.body) WHERE name = 'bytes';
END;
CREATE TRIGGER event_gone AFTER DELETE ON events BEGIN
    UPDATE totals SET value = value - length(OLD.body) WHERE name = 'bytes';
    DELETE FROM leased WHERE seq = OLD.seq;
END;
CREATE TRIGGER lease_gone AFTER DELETE ON leases BEGIN
    DELETE FROM leased WHERE lease_id = OLD.lease_id;
END;
INSERT INTO totals VALUES {", ".join(f"('{name}', 0)" for name in _TOTALS)}
"""

LAYOUT = Layout(1, _SCRIPT, frozenset({"events", "leases", "leased", "refused", "totals"}))

INSERT = """INSERT INTO events(event_id, body, stored_s, steady_s, boot)
    VALUES (:id, :body, :now, :steady, :boot)"""
IS_KNOWN = """SELECT EXISTS(SELECT 1 FROM events WHERE event_id = :id)
    OR EXISTS(SELECT 1 FROM refused WHERE event_id = :id)"""

_FREE = "seq NOT IN (SELECT seq FROM leased)"
NEXT = f"SELECT seq, event_id, body FROM events WHERE {_FREE} ORDER BY seq LIMIT ?"
SIZES = f"SELECT seq, length(body) FROM events WHERE {_FREE} ORDER BY seq"
DELETE_SEQ = "DELETE FROM events WHERE seq = ?"

FIRST_YOUNG = """SELECT coalesce(
    (SELECT seq FROM events WHERE :now - stored_s <= :age OR (boot = :boot AND :steady - steady_s <= :age)
        ORDER BY seq LIMIT 1),
    (SELECT max(seq) + 1 FROM events), 0)"""
DROP_BEFORE = f"DELETE FROM events WHERE seq < ? AND {_FREE}"

ADD_LEASE = "INSERT INTO leases VALUES (:id, :now, :steady, :for, :boot)"
ADD_LEASED = "INSERT INTO leased VALUES (?, ?)"
_IS_OVER = """CASE
    WHEN boot = :boot THEN :steady < steady_s OR :steady >= steady_s + for_s
    ELSE :now < taken_s OR :now >= taken_s + for_s END"""
EXPIRE = f"DELETE FROM leases WHERE {_IS_OVER}"
END_LEASE = "DELETE FROM leases WHERE lease_id = :lease"
END_EMPTY = "DELETE FROM leases WHERE lease_id NOT IN (SELECT lease_id FROM leased)"

_IN_LEASE = "seq IN (SELECT seq FROM leased WHERE lease_id = :lease)"
DELETE_LEASED = f"DELETE FROM events WHERE {_IN_LEASE}"
DELETE_ONE = f"DELETE FROM events WHERE event_id = :id AND {_IN_LEASE}"

REFUSE = f"""INSERT OR IGNORE INTO refused(event_id, reason, refused_s, body)
    SELECT event_id, :reason, :now, body FROM events WHERE event_id = :id AND {_IN_LEASE}"""
REFUSED_SIZES = "SELECT length(body) FROM refused ORDER BY seq DESC"
DROP_REFUSED = "DELETE FROM refused WHERE seq IN (SELECT seq FROM refused ORDER BY seq LIMIT ?)"
REFUSALS = "SELECT event_id, reason, refused_s FROM refused ORDER BY seq DESC LIMIT ?"

COUNT_ALL = "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM refused)"
PURGE = ("DELETE FROM events", "DELETE FROM leases", "DELETE FROM refused")
_HELD = f"leased WHERE lease_id IN (SELECT lease_id FROM leases WHERE NOT {_IS_OVER})"
STATS = f"""SELECT
    (SELECT count(*) FROM events),
    (SELECT count(*) FROM {_HELD}),
    (SELECT coalesce(sum(length(body)), 0) FROM events WHERE seq IN (SELECT seq FROM {_HELD})),
    (SELECT count(*) FROM refused),
    (SELECT stored_s FROM events ORDER BY seq LIMIT 1)"""
