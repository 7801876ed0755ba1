import { Hono } from "hono";
import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { CommandBook } from "../commands/command-book.ts";
import { actionName } from "../commands/final-answer.ts";
import { type Binding, type Bindings, mayCommand } from "../people/bindings.ts";
import { userTag } from "../people/user-tag.ts";
import { keyOf, type RowStore } from "../store/row-store.ts";
import type { VehicleFacts } from "../vehicle/vehicle-facts.ts";
import { type Caller, type Env } from "./guard.ts";
import { problem } from "./problem.ts";

/** Commands of one person to one vehicle in a minute, retries counted. */
const COMMANDS_A_MINUTE = 20;
const MINUTE_MS = 60_000;
const KEY = /^[A-Za-z0-9_-]{16,64}$/;

const commandBody = z.strictObject({ action: actionName });

export type VehicleRoutesParts = {
  readonly bindings: Bindings;
  readonly facts: VehicleFacts;
  readonly book: CommandBook;
  readonly rows: Pick<RowStore, "next">;
  readonly clock: Clock;
  readonly log: Log;
};

/** What a signed-in person sees and asks of their vehicles. Whose a vehicle is, is looked up for each request: a vehicle of somebody else is not there. */
export function vehicleRoutes(parts: VehicleRoutesParts): Hono<Env> {
  const { bindings, facts, book, clock, log } = parts;
  const nowMs = (): number => Math.floor(clock.wallUs() / 1000);
  const routes = new Hono<Env>();
  routes.get("/session", (context) => context.json({ name: context.get("caller").name }));
  routes.get("/vehicles", async (context) => {
    const owned = await bindings.of(context.get("caller").user, nowMs());
    return context.json({ vehicles: owned.map(shown) });
  });
  routes.get("/vehicles/:vehicle", async (context) => {
    const binding = await bindings.find(context.get("caller").user, context.req.param("vehicle"), nowMs());
    if (binding === undefined) return problem(context, "not-found");
    const [presence, latest] = await Promise.all([facts.presence(binding.thing), facts.latest(binding.thing)]);
    return context.json({ ...shown(binding), presence: presence ?? { state: "unknown" }, latest });
  });
  routes.post("/vehicles/:vehicle/commands", async (context) => {
    const caller = context.get("caller");
    const binding = await bindings.find(caller.user, context.req.param("vehicle"), nowMs());
    if (binding === undefined) return problem(context, "not-found");
    if (!mayCommand(binding)) return problem(context, "role-forbids");
    if (!/^application\/json\b/i.test(context.req.header("content-type") ?? "")) return problem(context, "not-json");
    const key = context.req.header("idempotency-key") ?? "";
    if (!KEY.test(key)) return problem(context, "key-missing");
    const body = commandBody.safeParse(await context.req.json().catch(() => undefined));
    if (!body.success) return problem(context, "bad-request", 'The body is {"action":"lock"} or {"action":"unlock"}.');
    if (await isTooMany(parts, caller, binding, nowMs())) return problem(context, "too-many");
    const { action } = body.data;
    const state = await book.begin({ user: caller.user, thing: binding.thing }, action, key);
    if (state === "key-reused") return problem(context, "key-reused");
    const facts_ = { user: userTag(caller.user), vehicle: binding.id, action, command: state.id };
    log.info("companion.command-asked", { ...facts_, status: state.status, end: state.final?.kind });
    return context.json(state, 202);
  });
  routes.get("/vehicles/:vehicle/commands/:id", async (context) => {
    const { user } = context.get("caller");
    const binding = await bindings.find(user, context.req.param("vehicle"), nowMs());
    const of = binding && { user, thing: binding.thing };
    const state = of && (await book.look(of, context.req.param("id")));
    return state === undefined ? problem(context, "not-found") : context.json(state);
  });
  return routes;
}

/** What a browser may know of a binding. */
function shown(binding: Binding) {
  const { id, name, role } = binding;
  return { id, name, role, mayCommand: mayCommand(binding) };
}

async function isTooMany(
  { rows }: VehicleRoutesParts,
  { user }: Caller,
  { thing }: Binding,
  nowMs: number,
): Promise<boolean> {
  const key = keyOf(["rate", user, thing], [String(Math.floor(nowMs / MINUTE_MS))]);
  return (await rows.next(key, 1, { nowMs, expiresAtMs: nowMs + 2 * MINUTE_MS })) > COMMANDS_A_MINUTE;
}
