-- Which attempts were counted as failed, so that a failure that is told again after the coordinator
-- was started anew is not counted again. Rows stay when a unit is retried: an old attempt never
-- counts against a new life.

CREATE TABLE failed_attempts (
  unit    INTEGER NOT NULL REFERENCES units(id),
  epoch   INTEGER NOT NULL,
  counter INTEGER NOT NULL,
  is_lost INTEGER NOT NULL,            -- 1: its worker was lost, and nobody knows of what
  PRIMARY KEY (unit, epoch, counter)
) STRICT, WITHOUT ROWID;
