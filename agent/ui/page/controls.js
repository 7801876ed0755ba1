import { byId, element, isNew, setText } from "./dom.js";
import { post } from "./event-stream.js";

/** @typedef {import("./store.js").Store} Store */

/** How long what became of an action stands on the page. */
const TOLD_MS = 15_000;

/** What whoever has the page may do: nothing where it only shows, and then there is not even a button. */
export class Controls {
  #store;
  #token;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #telling;

  /** @param {Store} store @param {string} token */
  constructor(store, token) {
    this.#store = store;
    this.#token = token;
    for (const button of document.querySelectorAll("button[data-action]")) {
      if (button instanceof HTMLButtonElement)
        button.addEventListener("click", () => void this.#act(button, button.dataset.action ?? "", {}));
    }
  }

  show() {
    const { actions, role } = this.#store.hello;
    for (const button of document.querySelectorAll("button[data-action]")) {
      if (button instanceof HTMLButtonElement) button.hidden = !actions.includes(button.dataset.action ?? "");
    }
    setText(byId("role"), role === "admin" ? "It may act." : "It only shows.");
    this.#showTriggers();
    this.#showSwitches();
  }

  #showTriggers() {
    const ids = this.#store.hello.actions.includes("campaign.trigger")
      ? (this.#store.campaigns?.campaigns ?? []).map(({ id }) => id)
      : [];
    const place = byId("campaign-tools");
    if (!isNew(place, ids)) return;
    place.replaceChildren(
      ...ids.map((id) => {
        const button = element("button", { type: "button" }, `Trigger ${id}`);
        button.addEventListener("click", () => void this.#act(button, "campaign.trigger", { id }));
        return button;
      }),
    );
  }

  #showSwitches() {
    const { switches } = this.#store;
    byId("switches").hidden = switches.length === 0;
    const link = document.querySelector('[data-part="switches"]');
    if (link instanceof HTMLElement) link.hidden = switches.length === 0;
    const place = byId("switch-list");
    const names = switches.map(({ name, label }) => [name, label]);
    if (isNew(place, names))
      place.replaceChildren(...names.map(([name = "", label = ""]) => this.#switchOf(name, label)));
    for (const { name, isOn } of switches) {
      const button = [...place.children].find((one) => one instanceof HTMLElement && one.dataset.name === name);
      button?.setAttribute("aria-checked", String(isOn));
    }
  }

  /** @param {string} name @param {string} label */
  #switchOf(name, label) {
    const button = element(
      "button",
      { type: "button", role: "switch", "aria-checked": "false", "data-name": name },
      label,
    );
    button.addEventListener("click", () => {
      const isOn = this.#store.switches.find((one) => one.name === name)?.isOn ?? false;
      void this.#send(button, `/switches/${encodeURIComponent(name)}`, { on: !isOn });
    });
    return button;
  }

  /** @param {HTMLButtonElement} button @param {string} action @param {object} body */
  async #act(button, action, body) {
    const question = button.dataset.confirm;
    if (question !== undefined && !(await isConfirmed(question))) return;
    await this.#send(button, `/actions/${encodeURIComponent(action)}`, body);
  }

  /** @param {HTMLButtonElement} button @param {string} path @param {object} body */
  async #send(button, path, body) {
    // It keeps the focus while it is not to be pressed.
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    const { isDone, what } = await post(this.#token, path, body);
    button.removeAttribute("aria-disabled");
    const told = byId("told");
    told.dataset.kind = isDone ? "good" : "bad";
    told.hidden = false;
    setText(told, what);
    clearTimeout(this.#telling);
    this.#telling = setTimeout(() => {
      told.hidden = true;
    }, TOLD_MS);
  }
}

/** @param {string} question @returns {Promise<boolean>} */
async function isConfirmed(question) {
  const dialog = byId("confirm");
  if (!(dialog instanceof HTMLDialogElement)) return false;
  setText(byId("confirm-text"), question);
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue === "yes";
}
