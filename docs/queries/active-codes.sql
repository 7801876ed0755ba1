-- Which vehicles have which trouble codes by the newest records, and since when. A clear heals all that it lists.
WITH changes AS (
    SELECT thing, (body->>'number')::BIGINT AS number, body->'code' AS code, body->'cleared'->'codes' AS cleared
    FROM events WHERE kind = 'trouble-code'),
clears AS (
    SELECT thing, number, code->>'bus' AS bus, code->>'ecu' AS ecu, unnest(from_json(cleared, '["VARCHAR"]')) AS name
    FROM changes WHERE cleared IS NOT NULL),
newest AS (
    SELECT thing, code->>'bus' AS bus, code->>'ecu' AS ecu, code->>'code' AS name, max(number) AS number, arg_max(code, number) AS code
    FROM changes WHERE code->>'code' <> '' GROUP BY ALL)
SELECT thing, ecu, name AS code, if((code->>'isConfirmed')::BOOLEAN, 'confirmed', 'pending') AS state,
    make_timestamp((code->>'sinceUs')::BIGINT) AS since, (code->>'occurrences')::BIGINT AS times, (code->>'odometerKm')::DOUBLE AS odometer_km
FROM newest n
ANTI JOIN clears c ON c.thing = n.thing AND c.bus = n.bus AND c.ecu = n.ecu AND c.name = n.name AND c.number > n.number
WHERE (n.code->>'isActive')::BOOLEAN
ORDER BY ALL;
-- Output:
-- thing       ecu      code      state      since                times  odometer_km
-- truck-0001  engine   P0301-1F  confirmed  2026-11-28 23:59:40  3      1200.5
-- truck-0001  gearbox  P0730     pending    2026-11-28 23:59:45  2
