-- Who tried what with which vehicle, how often and until when. `untold` are attempts that no record says more of.
SELECT thing, body->>'event' AS event, body->>'reason' AS reason, body->>'source' AS source,
    sum((body->>'count')::BIGINT) AS times, sum((body->>'untold')::BIGINT) AS untold,
    make_timestamp(min((body->>'firstUs')::BIGINT)) AS first, max(time_us) AS last
FROM events
WHERE kind = 'security-event'
GROUP BY ALL
ORDER BY ALL;
-- Output:
-- thing       event             reason             source  times  untold  first                last
-- truck-0001  session-takeover  disconnect                 1      0       2026-11-29 00:05:20  2026-11-29 00:05:20+00
-- truck-0001  signature-failed  SIGNATURE_INVALID  aws     55     2       2026-11-28 23:59:40  2026-11-29 00:07:00.5+00
