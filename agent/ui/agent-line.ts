import type { StreamVerb, Verb } from "../local-api/verb.ts";

/** The way to the agent whose state is shown: the sockets that the CLI uses. */
export type AgentLine = {
  /** One question. Throws `agent.not-running`, `agent.not-permitted`, or the agent's own fault. */
  ask<Asked extends object, Answer>(verb: Verb<Asked, unknown, unknown, Answer>, request: Asked): Promise<Answer>;
  /** What a verb of many values gives, until the agent ends it or `signal` aborts. Throws as `ask`. */
  follow<Asked extends object, Answer>(
    verb: StreamVerb<Asked, unknown, unknown, Answer>,
    request: Asked,
    signal: AbortSignal,
  ): AsyncGenerator<Answer>;
};

/** Whether whoever has the page may only look, as on view.sock, or act too, as on admin.sock. */
export type UiRole = "view" | "admin";
