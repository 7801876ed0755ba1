import { spawn } from "node:child_process";

/** Shows a page in the man macros as man(1) does, with its pager, on the terminal of this process. False where there is no man, or it could not show it. */
export async function showManual(page: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const shown = spawn("man", ["-l", "-"], { stdio: ["pipe", "inherit", "ignore"] });
  shown.once("error", () => resolve(false));
  shown.once("close", (code) => resolve(code === 0));
  // Who leaves the pager early has seen what he wanted.
  shown.stdin.on("error", () => undefined);
  shown.stdin.end(page);
  return await promise;
}
