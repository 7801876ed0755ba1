import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { type Child, startChild } from "../core/child.ts";
import { freePorts } from "../core/ports.ts";
import { untilStarted } from "../core/wait.ts";

/** A real sshd of this user on 127.0.0.1, with keys that are made for it, and the real ssh for it. */
export class SshServer {
  readonly port: number;
  readonly #folder: string;
  readonly #child: Child;

  private constructor(port: number, folder: string, child: Child) {
    this.port = port;
    this.#folder = folder;
    this.#child = child;
  }

  /** Keys, configuration and log are in `folder`. Needs Debian's openssh-server and openssh-client. */
  static async start(folder: string): Promise<SshServer> {
    const file = (name: string): string => join(folder, name);
    for (const name of ["host", "user"]) {
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file(name)]);
    }
    writeFileSync(file("authorized"), readFileSync(file("user.pub")), { mode: 0o600 });
    const port = await freePorts(1);
    const lines = [
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${file("host")}`,
      `AuthorizedKeysFile ${file("authorized")}`,
      `PidFile ${file("sshd.pid")}`,
      "UsePAM no",
      "StrictModes no",
      "PasswordAuthentication no",
      "PermitRootLogin prohibit-password",
      "MaxStartups 100",
    ];
    writeFileSync(file("sshd_config"), `${lines.join("\n")}\n`);
    writeFileSync(file("ssh_config"), "");
    // Where root's sshd parks what has no rights; a service makes it at boot.
    if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
    const args = ["-D", "-e", "-f", file("sshd_config")];
    const child = await startChild({ command: "/usr/sbin/sshd", args, logFile: file("sshd.log") });
    let isUp = false;
    const look = (): true | undefined => {
      const probe = connect(port, "127.0.0.1", () => {
        isUp = true;
        probe.destroy();
      });
      probe.on("error", () => undefined);
      return isUp ? true : undefined;
    };
    await untilStarted(child, look, "sshd listens");
    return new SshServer(port, folder, child);
  }

  /** Starts `command` through ssh to a port of 127.0.0.1, which may lead to this server by any way. */
  begin(port: number, command: string): ChildProcessWithoutNullStreams {
    const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes", "ConnectTimeout=5"];
    const given = options.flatMap((option) => ["-o", option]);
    const config = ["-F", join(this.#folder, "ssh_config"), "-i", join(this.#folder, "user"), "-p", String(port)];
    const ssh = spawn("ssh", [...config, ...given, "-q", `${userInfo().username}@127.0.0.1`, command]);
    ssh.stdin.on("error", () => undefined);
    return ssh;
  }

  /** The same to its end; `input` goes to its stdin. */
  async run(port: number, command: string, input: Uint8Array = new Uint8Array()): Promise<SshEnd> {
    const ssh = this.begin(port, command);
    const output: Buffer[] = [];
    ssh.stdout.on("data", (bytes: Buffer) => output.push(bytes));
    ssh.stdin.end(input);
    const code = await new Promise<number>((resolve) => ssh.once("close", (ended) => resolve(ended ?? -1)));
    return { code, output: Buffer.concat(output) };
  }

  async stop(): Promise<void> {
    await this.#child.stop();
  }
}

/** How ssh ended; 255 is a fault of the connection. */
export type SshEnd = { readonly code: number; readonly output: Buffer };
