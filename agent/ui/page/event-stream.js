import { parsed } from "./dom.js";

/** Without a word for so long the connection is given up, ms: the agent's state comes once a second. */
const STALL_MS = 6000;
const RETRY_MS = 1000;
const STORE = "causeway.token";

/**
 * The key to the page: what followed '#' in the address, which is taken out of it at once, or what this tab was opened with before.
 */
export function takeToken() {
  const given = location.hash.slice(1);
  if (given !== "") {
    sessionStorage.setItem(STORE, given);
    history.replaceState(undefined, "", location.pathname);
  }
  return sessionStorage.getItem(STORE) ?? "";
}

/**
 * @typedef {{ kind: string, data: string, id: number | undefined }} FeedEvent
 * @typedef {"connecting" | "open" | "lost" | "refused"} StreamState
 */

/** Server-Sent Events over fetch, since an EventSource cannot carry a bearer's token. It comes again by itself, unless it is refused. */
export class EventStream {
  #token;
  #onEvent;
  #onState;

  /** @param {{ token: string, onEvent: (event: FeedEvent) => void, onState: (state: StreamState, what: string) => void }} parts */
  constructor({ token, onEvent, onState }) {
    this.#token = token;
    this.#onEvent = onEvent;
    this.#onState = onState;
  }

  async run() {
    for (;;) {
      const stall = new AbortController();
      try {
        this.#onState("connecting", "");
        const response = await fetch("/events", {
          headers: { authorization: `Bearer ${this.#token}`, accept: "text/event-stream" },
          cache: "no-store",
          signal: stall.signal,
        });
        if (response.status === 401 || response.status === 403) return this.#onState("refused", await why(response));
        if (!response.ok || response.body === null) throw new Error(await why(response));
        this.#onState("open", "");
        await this.#read(response.body, stall);
        throw new Error("the connection has ended");
      } catch (thrown) {
        this.#onState("lost", thrown instanceof Error ? thrown.message : String(thrown));
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /**
   * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
   * @param {AbortController} stall
   */
  async #read(body, stall) {
    const events = new EventSplitter(this.#onEvent);
    const late = new Error(`nothing came for ${STALL_MS / 1000} seconds`);
    const wait = () => setTimeout(() => stall.abort(late), STALL_MS);
    let timer = wait();
    try {
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = wait();
        events.push(value);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** @param {Response} response */
async function why(response) {
  try {
    /** @type {{ what: string }} */
    const { what } = parsed(await response.text());
    return what;
  } catch {
    // Whatever answered, it was not our server.
    return `HTTP ${response.status}`;
  }
}

/** Cuts a stream of text into events (WHATWG HTML, 9.2.6), as our server writes them: lines end with one newline. */
export class EventSplitter {
  #text = "";
  #onEvent;

  /** @param {(event: FeedEvent) => void} onEvent */
  constructor(onEvent) {
    this.#onEvent = onEvent;
  }

  /** @param {string} text */
  push(text) {
    const blocks = (this.#text + text).split("\n\n");
    this.#text = blocks.pop() ?? "";
    for (const block of blocks) this.#take(block);
  }

  /** @param {string} block */
  #take(block) {
    const fields = new Map(
      block.split("\n").map((line) => {
        const at = line.indexOf(": ");
        return [line.slice(0, at), line.slice(at + 2)];
      }),
    );
    const kind = fields.get("event");
    const id = fields.get("id");
    if (kind !== undefined)
      this.#onEvent({ kind, data: fields.get("data") ?? "", id: id === undefined ? undefined : Number(id) });
  }
}

/**
 * Asks for a change. Gives what became of it, in a sentence.
 * @param {string} token
 * @param {string} path
 * @param {unknown} body
 * @returns {Promise<{ isDone: boolean, what: string }>}
 */
export async function post(token, path, body) {
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { isDone: response.ok, what: await why(response) };
  } catch (thrown) {
    return { isDone: false, what: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}
