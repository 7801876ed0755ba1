const PRESENCE = {
  online: "Online",
  asleep: "Asleep: it is not asked while it sleeps",
  lost: "Out of reach: it may act if it comes back within half a minute",
};

/** @param {string} id */
export const byId = (id) => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no element ${id}`);
  return found;
};

/**
 * Shows what is known of a vehicle. Everything is text: names come from anybody.
 * @param {{ name: string, mayCommand: boolean, presence: { state: string, at?: string }, latest: { signal: string, value: unknown, timeMs: number }[] }} state
 */
export function showVehicle({ name, mayCommand, presence, latest }) {
  byId("name").textContent = name;
  byId("presence").dataset.presence = presence.state;
  byId("presence-text").textContent = Object.hasOwn(PRESENCE, presence.state)
    ? PRESENCE[presence.state]
    : "It has not reported yet";
  const known = new Map(latest.map((value) => [value.signal, value]));
  byId("doors").textContent = doors(known.get("DoorStatus.Locked")?.value);
  byId("motion").textContent = motion(known.get("VehicleMotion.Speed")?.value);
  const times = latest.map(({ timeMs }) => timeMs);
  byId("as-of").textContent = times.length === 0 ? "not known" : new Date(Math.max(...times)).toLocaleString();
  byId("actions").hidden = !mayCommand;
  byId("viewer").hidden = mayCommand;
}

/** @param {unknown} value */
function doors(value) {
  if (value === 1) return "Locked";
  return value === 0 ? "Unlocked" : "not known";
}

/** @param {unknown} value */
function motion(value) {
  if (typeof value !== "number") return "not known";
  return value < 3 ? "Standing still" : `Moving, ${Math.round(value)} km/h`;
}
