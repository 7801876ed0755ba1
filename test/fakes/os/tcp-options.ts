import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Reads the option from the descriptors from 3 on. */
const PROGRAM = `
import json, socket, sys
sockets = [socket.socket(fileno=fd) for fd in range(3, 3 + int(sys.argv[1]))]
print(json.dumps([s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0 for s in sockets]))
`;

/** Inodes of sockets whose peer has this port (proc_pid_net(5), tcp). */
function inodesTo(port: number): ReadonlySet<string> {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = ["tcp", "tcp6"].flatMap((name) => readFileSync(`/proc/self/net/${name}`, "utf8").split("\n").slice(1));
  const fields = rows.map((row) => row.trim().split(/\s+/)).filter(([, , remote]) => remote?.endsWith(hex));
  return new Set(fields.map((row) => `socket:[${row[9] ?? ""}]`));
}

function targetOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    // It was that of the listing.
    return "";
  }
}

/** Whether each socket of this process whose peer has this port has TCP_NODELAY, as Python finds it. */
export function noDelayOf(port: number): readonly boolean[] {
  const inodes = inodesTo(port);
  const descriptors = readdirSync("/proc/self/fd").filter((descriptor) => inodes.has(targetOf(descriptor)));
  const output = execFileSync("python3", ["-c", PROGRAM, String(descriptors.length)], {
    stdio: ["ignore", "pipe", "inherit", ...descriptors.map(Number)],
    encoding: "utf8",
  });
  const options: unknown = JSON.parse(output);
  return Array.isArray(options) ? options.map((option) => option === true) : [];
}
