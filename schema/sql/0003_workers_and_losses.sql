-- Whose the failed attempts were, so that the next one is made elsewhere, and which of them count nothing: a sick
-- worker made them, or what they needed was lost. How often a unit is made again since its artifacts were lost.

ALTER TABLE failed_attempts ADD COLUMN worker TEXT NOT NULL DEFAULT '';
ALTER TABLE failed_attempts ADD COLUMN is_excused INTEGER NOT NULL DEFAULT 0;
CREATE INDEX failed_attempts_by_worker ON failed_attempts(worker) WHERE is_lost = 0 AND is_excused = 0;

ALTER TABLE units ADD COLUMN remakes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE units ADD COLUMN lost_epoch INTEGER NOT NULL DEFAULT 0;   -- the last attempt that was handed out before
ALTER TABLE units ADD COLUMN lost_counter INTEGER NOT NULL DEFAULT 0; -- its artifacts were known to be lost
CREATE INDEX unit_artifacts_by_digest ON unit_artifacts(digest);

-- The place of a score among those of its cell, as the grid has them.
ALTER TABLE cell_scores ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
