-- Views over the files of the consumer's folder store, for DuckDB. Begin in the folder: duckdb -init .../docs/queries/views.sql
-- In the layout daily the files are '*/????-??-??*[0-9].parquet', and '*/*.events.parquet'.

CREATE OR REPLACE MACRO quality_rank(quality) AS list_position(['unsynchronised', 'saved', 'rtc', 'ntp', 'gps'], quality);

-- The best clock of each boot of which rows were written before it was known. `monotonic_us` counts suspend.
CREATE OR REPLACE VIEW clocks AS FROM read_csv('clocks.csv', header = true, columns = {
    'thing': 'VARCHAR', 'boot_id': 'VARCHAR', 'monotonic_us': 'BIGINT', 'offset_us': 'BIGINT', 'quality': 'VARCHAR'});

-- What is to be added to the times of a row, where the clock of its boot became known after it was written: what came before that moment, or by
-- a clock that was not believable. What is less than 5 ms off is left as it is; so is what is by another clock (a gateway, a log that is played).
CREATE OR REPLACE MACRO clock_shift(time_us, shift_us, monotonic_us, offset_us, quality, best) AS CASE
    WHEN best IS NULL OR quality_rank(best.quality) <= quality_rank(quality)
        OR (best.monotonic_us < monotonic_us AND quality_rank(quality) >= quality_rank('rtc'))
        OR abs(best.offset_us - offset_us) <= 5000
        OR epoch_us(time_us) - shift_us NOT BETWEEN offset_us - 5000000 AND offset_us + monotonic_us + 2592000000000
    THEN shift_us ELSE best.offset_us - offset_us END;

-- Samples with their times put right: a row says by how much it was shifted when it was written, and what its own clock said.
CREATE OR REPLACE VIEW samples AS
WITH known AS (
    SELECT s.*, CASE WHEN c.thing IS NULL THEN NULL ELSE c END AS best
    FROM read_parquet('samples/*/*/*.parquet', hive_partitioning = false, union_by_name = true) s
    LEFT JOIN clocks c ON c.thing = s.thing AND c.boot_id = s.boot_id),
shifted AS (
    SELECT *, clock_shift(time_us, shift_us, monotonic_us, offset_us, time_quality, best) AS right_us FROM known)
SELECT * EXCLUDE (best, right_us) REPLACE (
    time_us + to_microseconds(right_us - shift_us) AS time_us,
    right_us AS shift_us,
    CASE WHEN right_us <> shift_us THEN best.quality ELSE time_quality END AS time_quality,
    CASE WHEN right_us <> shift_us THEN 'corrected' ELSE time_basis END AS time_basis)
FROM shifted;

-- What is no sample, likewise; body is JSON, and the times in it are as the vehicle had them.
CREATE OR REPLACE VIEW events AS
WITH known AS (
    SELECT e.*, CASE WHEN c.thing IS NULL THEN NULL ELSE c END AS best
    FROM read_parquet('events/*/*/*.parquet', hive_partitioning = false, union_by_name = true) e
    LEFT JOIN clocks c ON c.thing = e.thing AND c.boot_id = e.boot_id),
shifted AS (
    SELECT *, clock_shift(time_us, shift_us, monotonic_us, offset_us, time_quality, best) AS right_us FROM known)
SELECT * EXCLUDE (best, right_us) REPLACE (
    time_us + to_microseconds(right_us - shift_us) AS time_us,
    right_us AS shift_us,
    CASE WHEN right_us <> shift_us THEN best.quality ELSE time_quality END AS time_quality,
    CASE WHEN right_us <> shift_us THEN 'corrected' ELSE time_basis END AS time_basis)
FROM shifted;
