-- The coordinator's state. One process writes it through one connection (WAL, synchronous FULL, group commit);
-- readers (report, export, plan) open it read-only. This is schema 4, and databases of older ones are refused.

-- What the numbers of kinds and states mean: those of schema/units, persisted, do not change them.
CREATE TABLE unit_kinds (
  kind INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO unit_kinds (kind, name) VALUES (1, 'reference'), (2, 'generate'), (3, 'score');
CREATE TABLE unit_states (
  state INTEGER PRIMARY KEY,
  name  TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO unit_states (state, name) VALUES (1, 'open'), (2, 'done'), (3, 'failed'), (4, 'cancelled');

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,             -- database_id, epoch, commits, attempt_secret, is_open (1 while it is used)
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE experiments (
  id           INTEGER PRIMARY KEY,
  name         TEXT NOT NULL UNIQUE,
  grid         TEXT NOT NULL,         -- the grid file's text as last submitted
  axes         TEXT NOT NULL,         -- JSON list of label names, in the grid's order
  priority     INTEGER NOT NULL DEFAULT 0,
  is_cancelled INTEGER NOT NULL DEFAULT 0,
  submitted_ms INTEGER NOT NULL       -- wall clock, for people
) STRICT;

-- What determines pixels, once for all experiments.
CREATE TABLE samples (
  id   INTEGER PRIMARY KEY,
  key  BLOB NOT NULL UNIQUE,          -- sample key
  spec TEXT NOT NULL,                 -- SampleSpec, canonical
  cost TEXT NOT NULL                  -- CellCost
) STRICT;

-- (experiment, sample): the labels and wishes of one point of a grid.
CREATE TABLE cells (
  experiment    INTEGER NOT NULL REFERENCES experiments(id),
  number        INTEGER NOT NULL,     -- position in the grid's order
  sample        INTEGER NOT NULL REFERENCES samples(id),
  labels        TEXT NOT NULL,        -- JSON object
  images        INTEGER NOT NULL,     -- [0, images) must exist
  keep_pictures INTEGER NOT NULL,
  PRIMARY KEY (experiment, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX cells_by_sample ON cells(sample);

-- A unit's body is put together when it is leased: from these columns, unit_extractors, and the spec of its sample,
-- score or reference set. An open unit waits while one that it needs is not done.
CREATE TABLE units (
  id             INTEGER PRIMARY KEY,
  name           TEXT NOT NULL UNIQUE, -- the name on wire and in spools
  kind           INTEGER NOT NULL REFERENCES unit_kinds(kind),
  state          INTEGER NOT NULL REFERENCES unit_states(state),
  sample         INTEGER REFERENCES samples(id),
  range_begin    INTEGER NOT NULL DEFAULT 0,
  range_end      INTEGER NOT NULL DEFAULT 0,
  keep_pictures  INTEGER NOT NULL DEFAULT 0, -- PNG files of its images below this number
  gflops         REAL NOT NULL DEFAULT 0,    -- its price before it runs
  affinity       TEXT NOT NULL DEFAULT '',   -- what a worker keeps warm for it: the U-Net's digest
  memory_bytes   INTEGER NOT NULL DEFAULT 0, -- of a device that can run it, at least
  attempts       INTEGER NOT NULL DEFAULT 0, -- failed attempts so far, lost workers apart
  lost_workers   INTEGER NOT NULL DEFAULT 0, -- workers that died while they computed it
  failure_class  INTEGER,              -- FailureClass of the last failed attempt
  failure_reason TEXT,
  failure_log    TEXT,                 -- the last lines of the worker's log
  remakes        INTEGER NOT NULL DEFAULT 0, -- how often it is made again since its artifacts were lost
  lost_epoch     INTEGER NOT NULL DEFAULT 0, -- the last attempt that was handed out before
  lost_counter   INTEGER NOT NULL DEFAULT 0  -- its artifacts were known to be lost
) STRICT;
CREATE INDEX units_open ON units(id) WHERE state = 1;   -- open
CREATE INDEX units_failed ON units(id) WHERE state = 3; -- failed
CREATE INDEX units_by_sample ON units(sample, kind, range_begin);

CREATE TABLE unit_inputs (             -- content that a worker must have
  unit  INTEGER NOT NULL REFERENCES units(id),
  input TEXT NOT NULL,                 -- "sha256:..."
  PRIMARY KEY (unit, input)
) STRICT, WITHOUT ROWID;

CREATE TABLE unit_needs (              -- units that must be done first
  unit  INTEGER NOT NULL REFERENCES units(id),
  needs INTEGER NOT NULL REFERENCES units(id),
  PRIMARY KEY (unit, needs)
) STRICT, WITHOUT ROWID;
CREATE INDEX unit_needs_reverse ON unit_needs(needs);

CREATE TABLE extractors (              -- what makes rows of images
  key  BLOB PRIMARY KEY,               -- extractor id
  spec TEXT NOT NULL                   -- ExtractorSpec, canonical
) STRICT, WITHOUT ROWID;
CREATE TABLE unit_extractors (         -- those whose rows a unit leaves
  unit      INTEGER NOT NULL REFERENCES units(id),
  extractor BLOB NOT NULL REFERENCES extractors(key),
  PRIMARY KEY (unit, extractor)
) STRICT, WITHOUT ROWID;

CREATE TABLE scores (
  id     INTEGER PRIMARY KEY,
  key    BLOB NOT NULL UNIQUE,         -- score key
  sample INTEGER NOT NULL REFERENCES samples(id),
  spec   TEXT NOT NULL,                -- ScoreSpec, canonical
  unit   INTEGER NOT NULL UNIQUE REFERENCES units(id)
) STRICT;
CREATE TABLE cell_scores (
  experiment INTEGER NOT NULL,
  number     INTEGER NOT NULL,
  score      INTEGER NOT NULL REFERENCES scores(id),
  place      INTEGER NOT NULL,         -- among those of its cell, as the grid has them
  PRIMARY KEY (experiment, number, score)
) STRICT, WITHOUT ROWID;

CREATE TABLE reference_sets (
  key  BLOB PRIMARY KEY,               -- reference key
  spec TEXT NOT NULL,                  -- ReferenceSpec, canonical
  unit INTEGER NOT NULL UNIQUE REFERENCES units(id)
) STRICT, WITHOUT ROWID;

CREATE TABLE results (                 -- the first valid result of a unit
  unit         INTEGER PRIMARY KEY REFERENCES units(id),
  outcome      TEXT NOT NULL,          -- UnitResult.values
  digest       BLOB NOT NULL,
  device_class TEXT NOT NULL,
  measured     TEXT NOT NULL,          -- UnitResult.measured
  worker       TEXT NOT NULL,
  attempt      TEXT NOT NULL,          -- "epoch.counter"
  committed_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE repeats (                 -- later results of the same unit, compared by digest
  unit         INTEGER NOT NULL REFERENCES units(id),
  digest       BLOB NOT NULL,
  device_class TEXT NOT NULL,
  worker       TEXT NOT NULL,
  agrees       INTEGER NOT NULL,
  times        INTEGER NOT NULL,
  PRIMARY KEY (unit, digest, device_class, worker)
) STRICT, WITHOUT ROWID;

-- Which attempts were counted as failed, so that a failure that is told again after the coordinator was started anew is
-- not counted again. Rows stay when a unit is retried: an old attempt never counts against a new life.
CREATE TABLE failed_attempts (
  unit       INTEGER NOT NULL REFERENCES units(id),
  epoch      INTEGER NOT NULL,
  counter    INTEGER NOT NULL,
  is_lost    INTEGER NOT NULL,         -- 1: its worker was lost, and nobody knows of what
  worker     TEXT NOT NULL DEFAULT '', -- whose it was, so that the next one is made elsewhere
  is_excused INTEGER NOT NULL DEFAULT 0, -- 1: it counts nothing: a sick worker's, or what it needed was lost
  PRIMARY KEY (unit, epoch, counter)
) STRICT, WITHOUT ROWID;
CREATE INDEX failed_attempts_by_worker ON failed_attempts(worker) WHERE is_lost = 0 AND is_excused = 0;

CREATE TABLE artifacts (
  digest BLOB PRIMARY KEY,
  bytes  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE unit_artifacts (
  unit   INTEGER NOT NULL REFERENCES units(id),
  name   TEXT NOT NULL,                -- "rows/<extractor id>", "picture/<number>", "source/<number>", "reference"
  digest BLOB NOT NULL REFERENCES artifacts(digest),
  PRIMARY KEY (unit, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX unit_artifacts_by_digest ON unit_artifacts(digest);

CREATE TABLE inputs (                  -- names that people know inputs by
  input TEXT PRIMARY KEY,              -- "sha256:..."
  name  TEXT NOT NULL,
  blob  INTEGER NOT NULL DEFAULT 0     -- 1: its bytes lie in the artifact store
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (                 -- who ever reported, for pages and reports
  name         TEXT PRIMARY KEY,
  device_class TEXT NOT NULL,
  device       TEXT NOT NULL,          -- JSON
  last_seen_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
