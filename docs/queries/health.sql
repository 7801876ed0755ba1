-- Bytes sent by stream and day, and the oldest that the backlog was, by what the agents say of themselves. A report holds what was counted
-- since the one before (`delta`); `starts` counts the processes.
WITH reports AS (
    SELECT thing, time_us, body->>'startUs' AS start, unnest(from_json(body->'samples', '["JSON"]')) AS sample
    FROM events WHERE kind = 'health'),
numbers AS (
    SELECT thing, time_us::DATE AS day, start, sample->>'name' AS name, sample->'labels'->>'stream' AS stream,
        (sample->>'value')::DOUBLE AS value, (sample->>'delta')::DOUBLE AS delta
    FROM reports)
SELECT thing, day, stream, sum(delta) FILTER (WHERE name = 'causeway_records_sent_bytes') AS sent_bytes,
    sum(delta) FILTER (WHERE name = 'causeway_records_lost') AS lost_records,
    max(value) FILTER (WHERE name = 'causeway_outbox_oldest_record_age_seconds') AS oldest_seconds,
    count(DISTINCT start) AS starts
FROM numbers
WHERE stream IS NOT NULL
GROUP BY ALL
ORDER BY ALL;
-- Output:
-- thing       day         stream     sent_bytes  lost_records  oldest_seconds  starts
-- truck-0001  2026-11-28  event      70                                        1
-- truck-0001  2026-11-28  telemetry  1000                      5               1
-- truck-0001  2026-11-29  telemetry  520         4             3600.5          2
