import { type Context, Hono } from "hono";
import { routePath } from "hono/route";
import { type EventRoutesParts, eventRoutes } from "./event-routes.ts";
import { callerOf, type Env, type GuardParts, safeHeaders, sameOrigin, signedIn, smallBodies } from "./guard.ts";
import { problem } from "./problem.ts";
import { type SignInParts, signInRoutes } from "./sign-in-routes.ts";
import { type VehicleRoutesParts, vehicleRoutes } from "./vehicle-routes.ts";

export type AppParts = {
  readonly guard: GuardParts;
  readonly provider: SignInParts["provider"];
  readonly vehicles: VehicleRoutesParts;
  readonly stream: EventRoutesParts["settings"];
  readonly page: Hono;
};

/** The whole backend: the page, sign-in, and the API below /api. */
export function createApp({ guard, provider, vehicles, stream, page }: AppParts): Hono {
  const { log, bindings, book, clock } = vehicles;
  const { sessions } = guard;
  const app = new Hono();
  app.use(safeHeaders(), smallBodies(), sameOrigin(guard));
  app.get("/health", (context) => context.text("ok"));
  app.route("/", page);
  app.route("/", signInRoutes({ provider, sessions, log }));
  const api = new Hono<Env>();
  api.use(async (context, next) => {
    await next();
    context.header("cache-control", "no-store");
  });
  api.use(signedIn(guard));
  api.route("/", vehicleRoutes(vehicles));
  const isStillIn = async (context: Context): Promise<boolean> => (await callerOf(context, guard)) !== undefined;
  api.route("/", eventRoutes({ bindings, book, settings: stream, clock, log, isStillIn }));
  app.route("/api", api);
  app.notFound((context) => problem(context, "not-found"));
  app.onError((thrown, context) => {
    // Its message may quote what came in.
    log.error("companion.request-failed", { name: thrown.name, route: routePath(context) });
    return problem(context, "unavailable");
  });
  return app;
}
