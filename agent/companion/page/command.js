import { parsed, post, read, Refused, vehiclePath } from "./backend.js";
import { byId } from "./vehicle.js";

const STORE = "causeway.command";
/** @type {Readonly<Record<string, string>>} */
const TITLES = {
  succeeded: "Done",
  moving: "Not done: the vehicle is moving",
  refused: "Not done: refused",
  failed: "It did not work",
  "too-late": "Not done: too late",
  asleep: "Not sent: the vehicle is asleep",
  "no-answer": "No answer",
  "not-sent": "Not sent",
};
const DOING = { lock: "Locking", unlock: "Unlocking" };

/** @typedef {{ vehicle: string, action: "lock" | "unlock", key: string, id?: string }} Pending */
/** @typedef {{ id: string, action: "lock" | "unlock", status: string, final?: { kind: string, text: string } }} State */

/**
 * The one command that this browser waits for. It is kept where a reload and the other tabs find it; its key is what makes it one, however
 * often it is sent.
 */
export class Command {
  /** @type {EventSource | undefined} */
  #events;
  /** @type {Pending | undefined} */
  #pending;
  #onEnd;
  #onSignedOut;

  /** @param {{ onEnd: () => void, onSignedOut: () => void }} parts */
  constructor({ onEnd, onSignedOut }) {
    this.#onEnd = onEnd;
    this.#onSignedOut = onSignedOut;
    addEventListener("storage", ({ key }) => {
      if (key === STORE) this.resume();
    });
  }

  get isBusy() {
    return this.#pending !== undefined;
  }

  /**
   * @param {string} vehicle
   * @param {"lock" | "unlock"} action
   */
  begin(vehicle, action) {
    if (this.isBusy) return;
    this.#keep({ vehicle, action, key: crypto.randomUUID() });
    void this.#send();
  }

  /** Sends the same again, after it could not be sent or followed. */
  repeat() {
    if (this.isBusy) void this.#send();
  }

  /** Goes on with what a reload or another tab has begun. */
  resume() {
    const pending = kept();
    if (pending === undefined || pending.key === this.#pending?.key) return;
    this.#pending = pending;
    this.#progress("It is on its way.");
    if (pending.id === undefined) void this.#send();
    else this.#follow();
  }

  forget() {
    this.#events?.close();
    this.#pending = undefined;
    localStorage.removeItem(STORE);
    show("", "", "");
    byId("again").hidden = true;
  }

  async #send() {
    const pending = this.#pending;
    if (pending === undefined) return;
    const { vehicle, action, key } = pending;
    this.#progress("Sending.");
    try {
      /** @type {State} */
      const state = await post(`${vehiclePath(vehicle)}/commands`, { action }, { "idempotency-key": key });
      this.#keep({ ...pending, id: state.id });
      this.#show(state);
      if (this.isBusy) this.#follow();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #follow() {
    const { vehicle, id } = this.#pending ?? {};
    if (vehicle === undefined || id === undefined) return;
    this.#events?.close();
    const path = `${vehiclePath(vehicle)}/commands/${encodeURIComponent(id)}`;
    const events = new EventSource(`${path}/events`);
    this.#events = events;
    for (const kind of ["progress", "final"]) {
      events.addEventListener(kind, ({ data }) => this.#show(parsed(String(data))));
    }
    // The browser comes again by itself, unless it was refused.
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED && this.#events === events && this.isBusy) void this.#ask(path);
    });
  }

  /** @param {string} path */
  async #ask(path) {
    try {
      this.#show(await read(path));
      if (this.isBusy) this.#fail(undefined);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** @param {State} state */
  #show(state) {
    if (state.id !== this.#pending?.id) return;
    if (state.final === undefined) {
      const isAtWork = state.status === "in-progress";
      return this.#progress(isAtWork ? "The vehicle is at it." : "Sent. Waiting for the vehicle.");
    }
    this.#events?.close();
    this.#pending = undefined;
    localStorage.removeItem(STORE);
    const { kind, text } = state.final;
    show(kind, Object.hasOwn(TITLES, kind) ? TITLES[kind] : kind, text);
    byId("again").hidden = kind === "succeeded";
    byId("again").dataset.action = state.action;
    this.#onEnd();
  }

  /** @param {unknown} thrown */
  #fail(thrown) {
    if (thrown instanceof Refused && thrown.code === "not-signed-in") {
      this.forget();
      return this.#onSignedOut();
    }
    if (thrown instanceof Refused && thrown.code !== "unavailable" && thrown.code !== "too-many") {
      this.forget();
      show("refused", "Not done", thrown.message);
      return this.#onEnd();
    }
    const why = thrown instanceof Refused ? thrown.message : "There is no connection to the service.";
    show("waiting", "Not known yet", `${why} Trying again does not do it twice.`);
    byId("again").hidden = false;
    this.#onEnd();
  }

  /** @param {Pending} pending */
  #keep(pending) {
    this.#pending = pending;
    localStorage.setItem(STORE, JSON.stringify(pending));
  }

  /** @param {string} text */
  #progress(text) {
    byId("again").hidden = true;
    show("waiting", `${DOING[this.#pending?.action ?? "lock"]} …`, text);
    this.#onEnd();
  }
}

/**
 * @param {string} kind
 * @param {string} title
 * @param {string} text
 */
function show(kind, title, text) {
  const place = byId("command");
  if (kind === "") delete place.dataset.kind;
  else place.dataset.kind = kind;
  byId("command-title").textContent = title;
  byId("command-text").textContent = text;
}

/** @returns {Pending | undefined} */
function kept() {
  try {
    /** @type {Partial<Record<keyof Pending, unknown>>} */
    const { vehicle, action, key, id } = parsed(localStorage.getItem(STORE) ?? "{}");
    if (typeof vehicle !== "string" || typeof key !== "string") return undefined;
    if (action !== "lock" && action !== "unlock") return undefined;
    return typeof id === "string" ? { vehicle, action, key, id } : { vehicle, action, key };
  } catch {
    // Whatever is there, it is no command of ours.
    return undefined;
  }
}
