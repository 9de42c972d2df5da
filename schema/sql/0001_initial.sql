-- The coordinator's state. One process writes it through one connection (WAL, synchronous FULL, group commit);
-- readers (report, export, plan) open it read-only. Numbers of states and kinds are those of schema/spec.h and
-- coordinator/core/types.h and are persisted: do not change them.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,             -- database_id, epoch, is_open (1 while a coordinator uses it)
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
  spec TEXT NOT NULL,                 -- SampleSpec
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
  is_cancelled  INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (experiment, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX cells_by_sample ON cells(sample);

CREATE TABLE units (
  id             INTEGER PRIMARY KEY,
  name           TEXT NOT NULL UNIQUE, -- the name on wire and in spools
  kind           INTEGER NOT NULL,     -- UnitKind
  body           TEXT NOT NULL,        -- GenerateUnit, ReferenceUnit or ScoreUnit
  state          INTEGER NOT NULL,     -- 1 waiting for units it needs, 2 ready, 3 done, 4 failed, 5 cancelled
  sample         INTEGER REFERENCES samples(id),
  range_begin    INTEGER NOT NULL DEFAULT 0,
  range_end      INTEGER NOT NULL DEFAULT 0,
  gflops         REAL NOT NULL DEFAULT 0,   -- its price before it runs
  affinity       TEXT NOT NULL DEFAULT '',  -- what a worker keeps warm for it: the U-Net's digest
  memory_bytes   INTEGER NOT NULL DEFAULT 0, -- of a device that can run it, at least
  attempts       INTEGER NOT NULL DEFAULT 0, -- failed attempts so far, lost workers apart
  lost_workers   INTEGER NOT NULL DEFAULT 0, -- workers that died while they computed it
  failure_class  INTEGER,              -- FailureClass of the last failed attempt
  failure_reason TEXT,
  failure_log    TEXT                  -- the last lines of the worker's log
) STRICT;
CREATE INDEX units_open ON units(state, id) WHERE state IN (1, 2);
CREATE INDEX units_failed ON units(id) WHERE state = 4;
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

CREATE TABLE scores (
  id     INTEGER PRIMARY KEY,
  key    BLOB NOT NULL UNIQUE,         -- score key
  sample INTEGER NOT NULL REFERENCES samples(id),
  spec   TEXT NOT NULL,                -- ScoreSpec
  unit   INTEGER NOT NULL REFERENCES units(id)
) STRICT;
CREATE TABLE cell_scores (
  experiment INTEGER NOT NULL,
  number     INTEGER NOT NULL,
  score      INTEGER NOT NULL REFERENCES scores(id),
  PRIMARY KEY (experiment, number, score)
) STRICT, WITHOUT ROWID;

CREATE TABLE reference_sets (
  key  BLOB PRIMARY KEY,               -- reference key
  spec TEXT NOT NULL,                  -- ReferenceSpec
  unit INTEGER NOT NULL REFERENCES units(id)
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

CREATE TABLE artifacts (
  digest BLOB PRIMARY KEY,
  bytes  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE unit_artifacts (
  unit   INTEGER NOT NULL REFERENCES units(id),
  name   TEXT NOT NULL,                -- "rows/<extractor id>", "picture/<number>", "reference"
  digest BLOB NOT NULL REFERENCES artifacts(digest),
  PRIMARY KEY (unit, name)
) STRICT, WITHOUT ROWID;

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
