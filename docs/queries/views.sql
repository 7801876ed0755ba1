-- Views over the files of the consumer's folder store, for DuckDB. Begin in the folder: duckdb -init .../docs/queries/views.sql
-- In the layout daily the files are '*/????-??-??*[0-9].parquet', and '*/*.events.parquet'.

CREATE OR REPLACE MACRO quality_rank(quality) AS list_position(['unsynchronised', 'saved', 'rtc', 'ntp', 'gps'], quality);

-- The best clock of each boot of which rows were written before it was known.
CREATE OR REPLACE VIEW clocks AS FROM read_csv('clocks.csv', header = true, columns = {
    'thing': 'VARCHAR', 'boot_id': 'VARCHAR', 'monotonic_us': 'BIGINT', 'offset_us': 'BIGINT', 'quality': 'VARCHAR'});

-- Samples with their times put right: a row says by how much it was shifted when it was written, and what its own clock said.
CREATE OR REPLACE VIEW samples AS
SELECT s.* REPLACE (
    s.time_us + to_microseconds(coalesce(c.offset_us - s.offset_us - s.shift_us, 0)) AS time_us,
    coalesce(c.offset_us - s.offset_us, s.shift_us) AS shift_us,
    coalesce(c.quality, s.time_quality) AS time_quality)
FROM read_parquet('samples/*/*/*.parquet', hive_partitioning = false) s
LEFT JOIN clocks c ON c.thing = s.thing AND c.boot_id = s.boot_id
    AND c.monotonic_us >= s.monotonic_us AND quality_rank(c.quality) > quality_rank(s.time_quality);

-- What is no sample; body is JSON.
CREATE OR REPLACE VIEW events AS FROM read_parquet('events/*/*/*.parquet', hive_partitioning = false);
