-- Records that did not come, with the loss record that explains them or none (then it is a gap), and the samples around the hole.
WITH ids AS (
    SELECT DISTINCT thing, epoch, stream, seq FROM samples
    UNION SELECT thing, epoch, stream, seq FROM events),
holes AS (
    SELECT thing, epoch, stream, seq + 1 AS first, next - 1 AS last
    FROM (SELECT *, lead(seq) OVER (PARTITION BY thing, epoch, stream ORDER BY seq) AS next FROM ids)
    WHERE next > seq + 1),
losses AS (
    SELECT thing, (body->>'epoch')::BIGINT AS epoch, body->>'stream' AS stream,
        (body->>'first')::BIGINT AS first, (body->>'last')::BIGINT AS last, body->>'reason' AS reason
    FROM events WHERE kind = 'loss')
SELECT h.thing, h.stream, h.first, h.last, coalesce(l.reason, 'gap') AS reason,
    max(s.time_us) FILTER (WHERE s.seq < h.first) AS last_sample_before,
    min(s.time_us) FILTER (WHERE s.seq > h.last) AS first_sample_after
FROM holes h
LEFT JOIN losses l ON l.thing = h.thing AND l.epoch = h.epoch AND l.stream = h.stream AND l.first <= h.first AND l.last >= h.last
LEFT JOIN samples s ON s.thing = h.thing AND s.epoch = h.epoch AND s.stream = h.stream AND s.seq IN (h.first - 1, h.last + 1)
GROUP BY h.thing, h.epoch, h.stream, h.first, h.last, l.reason
ORDER BY h.thing, h.epoch, h.stream, h.first;
-- Output:
-- thing       stream     first  last  reason   last_sample_before         first_sample_after
-- truck-0001  telemetry  61     63    evicted  2026-11-28 23:59:39.99+00  2026-11-28 23:59:40+00
-- truck-0001  telemetry  104    104   gap      2026-11-29 00:00:19.99+00  2026-11-29 00:00:20+00
