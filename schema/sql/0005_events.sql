-- What happened, for people: the last thousand of each kind.
CREATE TABLE events (
  id         INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order of happening; none is given twice
  at_ms      INTEGER NOT NULL,                  -- wall clock
  kind       TEXT NOT NULL,                     -- "submitted", "lost", ...: coordinator/log/event.h, incident.h
  who        TEXT NOT NULL DEFAULT '',          -- a worker or a peer
  experiment TEXT NOT NULL DEFAULT '',          -- its name
  cell       INTEGER,                           -- of the experiment
  labels     TEXT NOT NULL DEFAULT '',          -- of the cell, as people read them
  what       TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX events_by_kind ON events(kind, id);

-- Whether a cell still waits for images is asked at every result.
CREATE INDEX units_open_by_sample ON units(sample) WHERE state = 1; -- open
