import { VEHICLE_STATES } from "../../vehicle/state/vehicle-state.ts";
import { byLabel, counter, gauge, metric, type StatusMetric, seconds, stateset } from "./status-metric.ts";

/** 3600 s at a thousandth of an ampere. */
const COULOMBS_A_MILLIAMP_HOUR = 3.6;

function coulombs(milliampHours: number | undefined): number | undefined {
  return milliampHours === undefined ? undefined : milliampHours * COULOMBS_A_MILLIAMP_HOUR;
}

/** Of the state of the vehicle and its sleep. */
const STATE_METRICS: readonly StatusMetric[] = [
  stateset({ name: "vehicle_state", help: "What the vehicle does." }, VEHICLE_STATES, ({ vehicle }) => vehicle?.state),
  gauge({ name: "vehicle_state_seconds", help: "For how long it does so.", unit: "seconds" }, ({ vehicle }) =>
    seconds(vehicle?.forMs),
  ),
  gauge(
    { name: "vehicle_trip_number", help: "Number of the trip that has begun." },
    ({ vehicle }) => vehicle?.trip?.number,
  ),
  counter(
    { name: "vehicle_dropped_changes", help: "Changes of the state that were given up before the journal." },
    ({ vehicle }) => vehicle?.unkept.dropped,
  ),
  gauge(
    { name: "vehicle_waiting_changes", help: "Changes of the state that wait for the journal." },
    ({ vehicle }) => vehicle?.unkept.waiting,
  ),
  stateset(
    { name: "sleep_phase", help: "How far the vehicle is on its way to sleep." },
    ["awake", "going", "asleep", "checking-in"],
    ({ sleep }) => sleep?.phase,
  ),
  stateset(
    { name: "sleep_battery_level", help: "What the battery allows." },
    ["normal", "saving", "guarded"],
    ({ sleep }) => sleep?.level,
  ),
  gauge(
    { name: "sleep_unplanned_wakes", help: "Unplanned wakes of this day of UTC." },
    ({ sleep }) => sleep?.wakes.unplanned,
  ),
  gauge(
    { name: "sleep_max_unplanned_wakes", help: "Unplanned wakes that a day may have." },
    ({ sleep }) => sleep?.wakes.most,
  ),
  metric("gauge", { name: "sleep_wakes", help: "Wakes of this day of UTC, by cause." }, ["cause"], ({ sleep }) =>
    byLabel("cause", Object.entries(sleep?.wakes.counts ?? {})),
  ),
  metric(
    "gauge",
    {
      name: "sleep_standing_seconds",
      help: "Time since the vehicle was driven last, by how it was spent.",
      unit: "seconds",
    },
    ["phase"],
    ({ sleep }) =>
      byLabel("phase", [
        ["parked", seconds(sleep?.cost.parkedMs)],
        ["awake", seconds(sleep?.cost.awakeMs)],
        ["asleep", seconds(sleep?.cost.asleepMs)],
      ]),
  ),
  gauge(
    { name: "sleep_standing_check_ins", help: "Check-ins since the vehicle was driven last." },
    ({ sleep }) => sleep?.cost.checkIns,
  ),
  gauge(
    { name: "sleep_standing_sent_bytes", help: "Bytes sent since the vehicle was driven last.", unit: "bytes" },
    ({ sleep }) => sleep?.cost.sentBytes,
  ),
  gauge(
    { name: "sleep_standing_charge_coulombs", help: "Charge used since the vehicle was driven last, an estimate." },
    ({ sleep }) => coulombs(sleep?.cost.milliampHours),
  ),
  metric(
    "counter",
    { name: "sleep_taps", help: "Taps on the shoulder, by what became of them." },
    ["result"],
    ({ sleep }) =>
      byLabel("result", [
        ["taken", sleep?.taps.taken],
        ["refused", sleep?.taps.refused],
      ]),
  ),
];

/** Of how well it is known where the vehicle is: never where. */
const PLACE_METRICS: readonly StatusMetric[] = [
  gauge({ name: "position_satellites", help: "Satellites of the newest fix." }, ({ place }) => place?.fix?.satellites),
  gauge(
    { name: "position_accuracy_metres", help: "Radius of uncertainty of the newest fix.", unit: "metres" },
    ({ place }) => place?.fix?.accuracyM,
  ),
  gauge(
    { name: "position_fix_age_seconds", help: "Since the newest fix; absent where there was none.", unit: "seconds" },
    ({ place }) => seconds(place?.lastFixMs),
  ),
  gauge({ name: "position_shared", help: "1 where positions leave the vehicle." }, ({ place }) =>
    place === undefined ? undefined : Number(place.isShared),
  ),
  counter(
    { name: "position_withheld_frames", help: "Frames that say where the vehicle is and were kept from records." },
    ({ place }) => place?.withheldFrames,
  ),
  metric("counter", { name: "position_fixes", help: "Fixes, by source." }, ["source"], ({ place }) =>
    byLabel(
      "source",
      (place?.sources ?? []).map(({ name, fixes }) => [name, fixes] as const),
    ),
  ),
  metric(
    "counter",
    { name: "position_malformed_reports", help: "Reports that made no sense, by source." },
    ["source"],
    ({ place }) =>
      byLabel(
        "source",
        (place?.sources ?? []).map(({ name, malformed }) => [name, malformed] as const),
      ),
  ),
  counter(
    { name: "fence_dropped_changes", help: "Changes of fences that were given up before the journal." },
    ({ fences }) => fences?.unkept.dropped,
  ),
  gauge(
    { name: "fence_waiting_changes", help: "Changes of fences that wait for the journal." },
    ({ fences }) => fences?.unkept.waiting,
  ),
];

/** Of the vehicle. */
export const VEHICLE_METRICS: readonly StatusMetric[] = [...STATE_METRICS, ...PLACE_METRICS];
