-- Tunnels of support, newest first: by whom, to what, for how long, what went through, why it ended. One without an end is open yet, or ended
-- with a process that was killed. `tunnel` are the first 16 digits of the SHA-256 of its access token.
SELECT thing, body->>'tunnel' AS tunnel, any_value(body->>'origin') AS origin,
    max(array_to_string((body->'services')::VARCHAR[], ',')) FILTER ((body->>'event') = 'opened') AS services,
    min(time_us) AS opened_at, max((body->>'lastedMs')::BIGINT // 1000) FILTER ((body->>'event') = 'ended') AS seconds,
    max((body->'counts'->>'connections')::BIGINT) AS connections,
    max((body->>'bytesIn')::BIGINT) FILTER ((body->>'event') = 'ended') AS bytes_in,
    max((body->>'bytesOut')::BIGINT) FILTER ((body->>'event') = 'ended') AS bytes_out,
    max(body->>'reason') FILTER ((body->>'event') = 'ended') AS ended_by
FROM events WHERE kind = 'tunnel-event' AND (body->>'event') <> 'refused'
GROUP BY thing, tunnel
ORDER BY opened_at DESC;
-- Output:
-- thing       tunnel            origin        services  opened_at               seconds  connections  bytes_in  bytes_out   ended_by
-- truck-0001  a1a1a1a1a1a1a1a1  notification  SSH,VNC   2026-11-29 00:02:00+00
-- truck-0001  0f0f0f0f0f0f0f0f  command       SSH       2026-11-28 23:59:40+00  61       1            2048      9000000000  closed
