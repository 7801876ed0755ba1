-- Files that the object store has, newest first: what, how long, where. An upload that was told twice after a crash is one.
SELECT thing, body->>'upload' AS upload, body->>'fileKind' AS kind, body->>'name' AS name, (body->>'sizeBytes')::BIGINT AS bytes,
    left(body->>'sha256', 12) AS sha256, body->>'location' AS location, max(time_us) AS stored_at
FROM events WHERE kind = 'uploaded-file'
GROUP BY ALL
ORDER BY stored_at DESC;
-- Output:
-- thing       upload  kind     name             bytes     sha256        location                                                  stored_at
-- truck-0001  u-1     capture  00012-0003.log   49999872  0f0f0f0f0f0f  https://fleet.s3.eu-central-1.amazonaws.com/truck-0001/c  2026-11-28 23:59:10+00
-- truck-0001  u-2     bundle   support.json.gz  20480     a1a1a1a1a1a1  https://fleet.s3.eu-central-1.amazonaws.com/truck-0001/b  2026-11-28 23:59:00+00
