/** @type {Readonly<Record<string, string>>} */
const PRESENCE = {
  online: "Online",
  asleep: "Asleep: it is not asked while it sleeps",
  lost: "Out of reach: it may act if it comes back within half a minute",
};

const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** @param {string} id */
export const byId = (id) => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no element ${id}`);
  return found;
};

/** @typedef {{ name: string, mayCommand: boolean, presence: { state: string, at?: string }, latest: { signal: string, value: unknown, timeMs: number }[] }} VehicleState */

/**
 * Shows what is known of a vehicle. Everything is text: names come from anybody.
 * @param {VehicleState} state
 */
export function showVehicle({ name, mayCommand, presence, latest }) {
  byId("name").textContent = name;
  byId("presence").dataset.presence = presence.state;
  byId("presence-text").textContent = Object.hasOwn(PRESENCE, presence.state)
    ? PRESENCE[presence.state]
    : "It has not reported yet";
  const known = new Map(latest.map((value) => [value.signal, value]));
  // What a vehicle said before it went away is not how it is now.
  const isNow = presence.state === "online";
  byId("doors").textContent = doors(known.get("DoorStatus.Locked")?.value, isNow);
  byId("motion").textContent = motion(known.get("VehicleMotion.Speed")?.value, isNow);
  const times = latest.map(({ timeMs }) => timeMs);
  byId("as-of").textContent = times.length === 0 ? "not known" : TIME.format(new Date(Math.max(...times)));
  byId("actions").hidden = !mayCommand;
  byId("viewer").hidden = mayCommand;
}

/**
 * @param {unknown} value
 * @param {boolean} isNow
 */
function doors(value, isNow) {
  if (value === 1) return isNow ? "Locked" : "Were locked";
  if (value === 0) return isNow ? "Unlocked" : "Were unlocked";
  return "not known";
}

/**
 * @param {unknown} value
 * @param {boolean} isNow
 */
function motion(value, isNow) {
  if (typeof value !== "number") return "not known";
  if (value < 3) return isNow ? "Standing still" : "Stood still";
  return `${isNow ? "Moving" : "Was moving"}, ${Math.round(value)} km/h`;
}
