import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { packedProgram } from "../agent/packed-program.ts";
import { AGENT_THING, mapBuses, writePeerVehicle } from "../benchmarks/peer-vehicle.ts";
import { startMosquitto } from "../broker/mosquitto.ts";
import { createAuthority } from "../cloud/certificate-authority.ts";
import { buildNativeTool } from "../native/native-tool.ts";

const HELP = `usage: node test/bench/processes/peer-world.ts FOLDER [--buses N] [--everything]

Starts a broker with mutual TLS in FOLDER, writes an agent's configuration for N buses (1) of loopback datagrams, packs the program, and prints
the commands that run the agent and send frames. Ends with Ctrl-C.

  --buses N      so many buses, at most 16
  --everything   480 signals from every frame, instead of 150 each 100 ms
`;

const { values, positionals } = parseArgs({
  options: { buses: { type: "string", default: "1" }, everything: { type: "boolean", default: false } },
  allowPositionals: true,
});
const count = Number(values.buses);
if (positionals.length !== 1 || !Number.isInteger(count) || count < 1 || count > 16) {
  process.stderr.write(HELP);
  process.exit(64);
}
const folder = resolve(positionals[0]);
mkdirSync(folder, { recursive: true, mode: 0o700 });
const authority = createAuthority(join(folder, "ca"));
const mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [AGENT_THING] });
const { names, environment } = await mapBuses(count);
const load = values.everything ? "everything" : "thinned";
const config = await writePeerVehicle(join(folder, "agent"), { authority, mosquitto }, names, load);
const program = await packedProgram(join(folder, "program"));
const generator = await buildNativeTool("frame-generator");
const preload = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
const compiled = `NODE_COMPILE_CACHE=${join(folder, "compiled")}`;
process.stdout.write(`# the agent
${[...preload, compiled, ...program, "run", "--config", config].join(" ")}
# frames: so many a second on each bus, seconds, seed
${[...preload, generator, names.join(","), "8000", "30", "1"].join(" ")}
# what it says of itself
${[...program, "status", "--json", "--config", config].join(" ")}
`);
const end = Promise.withResolvers<void>();
process.once("SIGINT", end.resolve).once("SIGTERM", end.resolve);
const stay = setInterval(() => undefined, 60_000);
await end.promise;
clearInterval(stay);
await mosquitto.stop();
