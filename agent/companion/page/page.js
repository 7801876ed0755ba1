import { post, read, Refused, vehiclePath } from "./backend.js";
import { Command } from "./command.js";
import { byId, showVehicle } from "./vehicle.js";

const LOOK_EVERY_MS = 4000;
let vehicle = "";

const command = new Command({ onEnd: showBusy, onSignedOut: showSignedOut });

function showBusy() {
  for (const id of ["lock", "unlock"]) byId(id).setAttribute("aria-disabled", String(command.isBusy));
  byId("vehicles").toggleAttribute("disabled", command.isBusy);
  if (!command.isBusy) void look();
}

function showSignedOut() {
  vehicle = "";
  for (const id of ["account", "vehicle", "none"]) byId(id).hidden = true;
  byId("signed-out").hidden = false;
}

async function look() {
  if (vehicle === "") return;
  const asked = vehicle;
  try {
    /** @type {import("./vehicle.js").VehicleState} */
    const state = await read(vehiclePath(asked));
    if (asked !== vehicle) return;
    byId("notice").textContent = "";
    showVehicle(state);
  } catch (thrown) {
    if (thrown instanceof Refused && thrown.code === "not-signed-in") return showSignedOut();
    if (thrown instanceof Refused && thrown.code === "not-found") return await start();
    byId("notice").textContent = "There is no connection to the service. What is shown may be old.";
  }
}

/** @typedef {{ id: string, name: string }} Offered */

/** @param {Offered[]} vehicles */
function offer(vehicles) {
  const choice = byId("vehicles");
  choice.replaceChildren(
    ...vehicles.map(({ id, name }) => {
      const option = document.createElement("option");
      option.value = id;
      option.textContent = name;
      return option;
    }),
  );
  byId("choice").hidden = vehicles.length < 2;
  byId("none").hidden = vehicles.length > 0;
  byId("vehicle").hidden = vehicles.length === 0;
  vehicle = vehicles.some(({ id }) => id === vehicle) ? vehicle : (vehicles[0]?.id ?? "");
  if (choice instanceof HTMLSelectElement) choice.value = vehicle;
}

async function start() {
  try {
    /** @type {{ name: string }} */
    const { name } = await read("/api/session");
    /** @type {{ vehicles: Offered[] }} */
    const { vehicles } = await read("/api/vehicles");
    byId("signed-out").hidden = true;
    byId("account").hidden = false;
    byId("person").textContent = name;
    offer(vehicles);
    await look();
    command.resume();
  } catch (thrown) {
    if (thrown instanceof Refused && thrown.code === "not-signed-in") return showSignedOut();
    byId("notice").textContent = "There is no connection to the service. Load the page again.";
  }
}

byId("vehicles").addEventListener("change", (event) => {
  if (!(event.target instanceof HTMLSelectElement)) return;
  vehicle = event.target.value;
  void look();
});
byId("lock").addEventListener("click", () => command.begin(vehicle, "lock"));
byId("unlock").addEventListener("click", () => command.begin(vehicle, "unlock"));
byId("again").addEventListener("click", ({ currentTarget }) => {
  if (command.isBusy) return command.repeat();
  if (currentTarget instanceof HTMLElement) command.begin(vehicle, currentTarget.dataset.action === "unlock" ? "unlock" : "lock");
});
async function signOut() {
  command.forget();
  try {
    /** @type {{ location: string }} */
    const { location: place } = await post("/sign-out", {});
    location.assign(place);
  } catch {
    byId("notice").textContent = "You are still signed in: there is no connection to the service.";
  }
}

byId("sign-out").addEventListener("click", () => void signOut());
const lookIfSeen = () => {
  if (document.visibilityState === "visible") void look();
};
setInterval(lookIfSeen, LOOK_EVERY_MS);
document.addEventListener("visibilitychange", lookIfSeen);
if (location.hash === "#sign-in-failed") {
  byId("notice").textContent = "That sign-in did not work. Begin again from here.";
  history.replaceState(undefined, "", "/");
}
void start();
