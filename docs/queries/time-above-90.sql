-- How long each vehicle was faster than 90 km/h, by day. A value holds until the next one, for 10 s at most.
SELECT thing, time_us::DATE AS day,
    round(sum(held_us) FILTER (WHERE value > 90) / 1e6, 1) AS seconds_above_90,
    round(sum(held_us) / 1e6, 1) AS seconds_known,
    max(value) AS highest
FROM (
    SELECT thing, time_us, value,
        least(epoch_us(coalesce(lead(time_us) OVER boot, time_us)) - epoch_us(time_us), 10_000_000) AS held_us
    FROM samples
    WHERE message = 'VehicleSpeed' AND signal = 'Speed' AND aggregate IS NULL
    WINDOW boot AS (PARTITION BY thing, boot_id ORDER BY time_us))
GROUP BY ALL
ORDER BY ALL;
-- Output:
-- thing       day         seconds_above_90  seconds_known  highest
-- truck-0001  2026-11-28  14.9              80             106.38
-- truck-0001  2026-11-29  48.5              100            128.02
-- truck-0002  2026-11-28                    120            77.49
