import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { AgentError, messageOf } from "../core/errors.ts";
import { issueText } from "../core/issue-text.ts";
import { ACTION_NAMES, actionOf } from "./actions.ts";
import type { AgentLine, UiRole } from "./agent-line.ts";
import type { FaultSwitch } from "./fault-switch.ts";
import { AgentFeed } from "./feed/agent-feed.ts";
import { EventHub } from "./feed/event-hub.ts";
import { type PageFile, readPageFiles } from "./page-files.ts";
import { readBody } from "./request-body.ts";
import { foreignRequest, PAGE_HEADERS, type Refusal, unknownBearer } from "./ui-access.ts";

/** Tabs at a time. A browser opens six connections to one server at most (Chromium, Firefox), so one browser shows five pages. */
const MAX_TABS = 16;
/** How long the agent is followed after the last tab has gone, ms: a reload is no new start. */
const LINGER_MS = 3000;
/** Newest values of a signal are told so often, ms: 25 times a second. */
const SAMPLE_MS = 40;
const MAX_HEADER_BYTES = 8192;

export type UiParts = {
  readonly line: AgentLine;
  readonly clock: Clock;
  readonly role: UiRole;
  /** Whoever has it may use the page; hard to guess. */
  readonly token: string;
  readonly version: string;
  /** What whoever has the page may break and mend; nothing by default. */
  readonly switches?: readonly FaultSwitch[];
};

/** The page and what feeds it. */
export type UiServer = {
  /** Not listening yet. */
  readonly http: Server;
  /** Ends all tabs, and the following of the agent. Idempotent, never rejects. */
  stop(): Promise<void>;
};

/**
 * A server for the live page. It asks the agent only while somebody looks. Every request must come from this machine by a loopback name and, but for
 * the files of the page, carry the token. Throws `input.missing` when a file of the page is not there.
 */
export function createUiServer(parts: UiParts): UiServer {
  const session = new UiSession(parts, readPageFiles());
  const http = createServer({ maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: 30_000 }, (request, response) => {
    session.answer(request, response).catch((thrown: unknown) => {
      if (!response.headersSent) fail(response, 500, messageOf(thrown));
      else response.destroy();
    });
  });
  http.on("clientError", (_error, socket) => socket.destroy());
  return {
    http,
    stop: async () => {
      session.close();
      if (!http.listening) return;
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      http.closeAllConnections();
      await closed;
    },
  };
}

/** Tabs, and the agent that is followed for them. */
class UiSession {
  readonly #parts: UiParts;
  readonly #files: ReadonlyMap<string, PageFile>;
  readonly #feed: AgentFeed;
  readonly #hub: EventHub;
  #following: AbortController | undefined;
  #isClosed = false;

  constructor(parts: UiParts, files: ReadonlyMap<string, PageFile>) {
    this.#parts = parts;
    this.#files = files;
    const { line, clock } = parts;
    this.#hub = new EventHub(clock, () => this.#snapshot());
    const send = (kind: string, value: unknown): void => this.#hub.send(kind, value);
    this.#feed = new AgentFeed({ line, clock, intervalMs: SAMPLE_MS, send });
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(PAGE_HEADERS)) response.setHeader(name, value);
    const foreign = foreignRequest(request.headers);
    if (foreign !== undefined) return refuse(response, foreign);
    const [path = ""] = (request.url ?? "").split("?");
    const file = this.#files.get(path);
    if (file !== undefined) return sendFile(request, response, file);
    const unknown = unknownBearer(request.headers, this.#parts.token);
    if (unknown !== undefined) return refuse(response, unknown);
    if (path === "/events") return this.#follow(request, response);
    const [, kind, name = ""] = /^\/(actions|switches)\/([\w.-]{1,64})$/.exec(path) ?? [];
    if (kind === undefined) return fail(response, 404, "there is nothing here");
    if (request.method !== "POST") return fail(response, 405, "POST it");
    // A form of another page cannot send this type.
    if (request.headers["content-type"] !== "application/json") return fail(response, 415, "send application/json");
    await this.#change(kind, name, request, response);
  }

  close(): void {
    this.#isClosed = true;
    this.#following?.abort();
    this.#hub.close();
  }

  #follow(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== "GET") return fail(response, 405, "GET it");
    if (this.#isClosed || this.#hub.counts.tabs >= MAX_TABS) {
      return fail(response, 503, `${MAX_TABS} pages are open already; close one`);
    }
    // Before the tab is told how things are: what was so when the last one went says nothing.
    if (this.#following === undefined) {
      this.#following = new AbortController();
      void this.#feed.run(this.#following.signal);
    }
    this.#hub.attach(response, () => void this.#restSoon());
  }

  async #restSoon(): Promise<void> {
    const following = this.#following;
    if (following === undefined || this.#hub.counts.tabs > 0) return;
    await this.#parts.clock.sleep(LINGER_MS, following.signal);
    if (this.#hub.counts.tabs > 0 || this.#following !== following) return;
    following.abort();
    this.#following = undefined;
  }

  async #change(kind: string, name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const change = kind === "actions" ? this.#action(name) : this.#switch(name);
      if (typeof change === "object") return refuse(response, change);
      if (change === undefined) return fail(response, 404, `there is no ${name}`);
      const what = await change(await readBody(request));
      if (kind === "switches") this.#hub.send("switches", this.#switches());
      reply(response, 200, { what });
    } catch (thrown) {
      if (thrown instanceof z.ZodError) return fail(response, 400, issueText(thrown));
      const remedy = thrown instanceof AgentError ? thrown.remedy : undefined;
      reply(response, 409, { what: messageOf(thrown), remedy });
    }
  }

  #action(name: string): ((body: unknown) => Promise<string>) | Refusal | undefined {
    const { role, line } = this.#parts;
    if (role !== "admin") return { status: 403, what: "this page only shows; causeway ui --admin may act too" };
    const act = actionOf(name);
    return act === undefined ? undefined : async (body) => await act(line, body);
  }

  #switch(name: string): ((body: unknown) => Promise<string>) | undefined {
    const found = this.#parts.switches?.find((one) => one.name === name);
    if (found === undefined) return undefined;
    return async (body) => {
      const { on } = switchRequest.parse(body);
      await found.set(on);
      return `${found.label}: ${on ? "on" : "off"}`;
    };
  }

  *#snapshot(): Generator<readonly [kind: string, value: unknown]> {
    const { role, version } = this.#parts;
    yield ["hello", { role, version, actions: role === "admin" ? ACTION_NAMES : [] }];
    yield ["switches", this.#switches()];
    yield* this.#feed.snapshot();
  }

  #switches() {
    return (this.#parts.switches ?? []).map((one) => ({ name: one.name, label: one.label, isOn: one.isOn() }));
  }
}

const switchRequest = z.object({ on: z.boolean() });

function sendFile(request: IncomingMessage, response: ServerResponse, { type, body }: PageFile): void {
  if (request.method !== "GET" && request.method !== "HEAD") return fail(response, 405, "GET it");
  response.writeHead(200, { "content-type": type, "content-length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}

function refuse(response: ServerResponse, { status, what }: Refusal): void {
  if (status === 401) response.setHeader("www-authenticate", "Bearer");
  fail(response, status, what);
}

function fail(response: ServerResponse, status: number, what: string): void {
  reply(response, status, { what });
}

function reply(response: ServerResponse, status: number, value: object): void {
  const ends = status === 200 ? {} : { connection: "close" };
  response.writeHead(status, { "content-type": "application/json", ...ends });
  response.end(JSON.stringify(value));
}
