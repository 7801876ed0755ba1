-- The mean of a signal by minute, with times put right by clocks that became known later.
SELECT thing, time_bucket(INTERVAL 1 MINUTE, time_us) AS minute, round(avg(value), 1) AS mean_rpm, count(*) AS samples,
    string_agg(DISTINCT time_quality, ' ' ORDER BY time_quality) AS time_quality,
    round(max(shift_us) / 1e6) AS shifted_s
FROM samples
WHERE message = 'EngineSpeed' AND signal = 'EngineRpm' AND aggregate IS NULL
GROUP BY ALL
ORDER BY ALL;
-- Output:
-- thing       minute                  mean_rpm  samples  time_quality  shifted_s
-- truck-0001  2026-11-28 23:58:00+00  1602.2    1832     ntp           0
-- truck-0001  2026-11-28 23:59:00+00  2214.5    5416     ntp           0
-- truck-0001  2026-11-29 00:00:00+00  2495.7    5326     ntp           0
-- truck-0001  2026-11-29 00:01:00+00  1432.3    3662     ntp           0
-- truck-0002  2026-11-28 23:57:00+00  1594.9    1825     gps           1795910260
-- truck-0002  2026-11-28 23:58:00+00  1940.9    5477     gps           1795910260
-- truck-0002  2026-11-28 23:59:00+00  2113.9    3652     gps           0
